// Decisions and final latents under a cache, against the originals' (weights_scripts/fixtures/caches.py).

#include <ATen/TensorOperators.h>

#include <gtest/gtest.h>

#include "caches/registry.h"
#include "io/safetensors.h"
#include "models/registry.h"
#include "runtime/pipeline.h"
#include "test_paths.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

/// One letter for each step: C where any unit of a middle block ran.
std::string middle_block_pattern(const Trace& trace, Branch branch) {
  const int middle = trace.run.units / 2;
  for (const Site& site : trace.run.sites) {
    if (site.begin > middle || site.end <= middle) continue;
    std::string pattern = trace.pattern(site.name, branch);
    std::ranges::replace(pattern, 'F', 'R');
    return pattern;
  }
  return "";
}

class OriginalCaches : public testing::TestWithParam<std::string> {
 protected:
  static const VideoModel& miniature() {
    static const std::shared_ptr<const VideoModel> model = load_model(model_path("wan-mini"));
    return *model;
  }

  const SafetensorsFile fixture_{data_path("wan/caches.safetensors")};
  const std::string& noted(const std::string& key) const { return fixture_.metadata().at(GetParam() + "." + key); }
};

TEST_P(OriginalCaches, DecideAlikeAndEndAtTheSameLatents) {
  Request request;
  request.prompt = fixture_.metadata().at("prompt");
  request.steps = std::stoi(fixture_.metadata().at("steps"));
  request.guidance = std::stod(fixture_.metadata().at("guidance"));
  request.seed = std::stoull(fixture_.metadata().at("seed"));
  const PolicySpec policy = parse_policy(noted("cache"));
  GenerateOptions options;
  options.decode = false;
  const Result result = generate(
      miniature(), request,
      [&] {
        return make_policy({&policy, 1});
      },
      options);
  EXPECT_EQ(middle_block_pattern(result.trace, Branch::kConditional), noted("conditional"));
  EXPECT_EQ(middle_block_pattern(result.trace, Branch::kUnconditional), noted("unconditional"));
  const at::Tensor original = fixture_.tensor(GetParam() + ".latents").unsqueeze(0);
  const double error = ((result.latents - original).abs().max() / original.abs().max()).item<double>();
  EXPECT_LE(error, tolerance::kCachedPipelineFloat32);
}

INSTANTIATE_TEST_SUITE_P(Originals, OriginalCaches,
                         testing::Values("firstblock-0.05", "firstblock-0.1", "taylorseer-5", "taylorseer-3-order-2",
                                         "magcache-0.06", "seacache-0.25", "seacache-0.4", "dbcache-f1",
                                         "dbcache-f4b2"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace_if(
                               name, [](char c) { return c == '-' || c == '.'; }, '_');
                           return name;
                         });

}  // namespace
}  // namespace ditto::test
