// The whole path, prompt to latents and frames, against runs of diffusers' WanPipeline (tests/data/wan/README.md).

#include "runtime/pipeline.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>

#include <gtest/gtest.h>

#include "io/safetensors.h"
#include "models/registry.h"
#include "numeric.h"
#include "test_paths.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

struct Case {
  std::string solver;
  int steps;
  int guidance;

  std::string name() const {
    return solver + ".steps" + std::to_string(steps) + ".guidance" + std::to_string(guidance);
  }
};

class TinyPipeline : public testing::TestWithParam<Case> {
 protected:
  const std::shared_ptr<const VideoModel> model_ = load_model(data_path("wan/tiny-pipeline"));
  const SafetensorsFile runs_{data_path("wan/tiny-pipeline/runs.safetensors")};

  Result run(const Case& parameters) const {
    Request request;
    request.prompt = runs_.metadata().at("prompt");
    request.negative = runs_.metadata().at("negative_prompt");
    request.width = 48;
    request.height = 32;
    request.frames = 5;
    request.steps = parameters.steps;
    request.guidance = parameters.guidance;
    request.shift = 3.0;
    request.solver = parameters.solver;
    return generate(*model_, request);
  }
};

TEST_P(TinyPipeline, FinalLatentsEqualDiffusers) {
  const Result result = run(GetParam());
  EXPECT_TRUE(result.noise.equal(runs_.tensor("noise")));
  const at::Tensor latents = runs_.tensor(GetParam().name() + ".latents").narrow(0, GetParam().steps - 1, 1);
  EXPECT_LE(relative_error(result.latents, latents), tolerance::kPipelineFloat32);
}

INSTANTIATE_TEST_SUITE_P(Runs, TinyPipeline,
                         testing::Values(Case{"unipc", 4, 1}, Case{"unipc", 4, 5}, Case{"unipc", 10, 1},
                                         Case{"unipc", 10, 5}, Case{"euler", 4, 1}, Case{"euler", 4, 5},
                                         Case{"euler", 10, 1}, Case{"euler", 10, 5}),
                         [](const auto& info) {
                           return info.param.solver + "_" + std::to_string(info.param.steps) + "_steps_guidance_" +
                                  std::to_string(info.param.guidance);
                         });

using TinyPipelineFrames = TinyPipeline;

TEST_P(TinyPipelineFrames, FramesEqualDiffusersWithinOneLevel) {
  const at::Tensor reference = (runs_.tensor("unipc.steps4.guidance5.frames") * 255).round();
  const at::Tensor difference = (run(GetParam()).frames.to(at::kFloat) - reference).abs();
  EXPECT_LE(difference.max().item<double>(), 1.0);
}

INSTANTIATE_TEST_SUITE_P(Run, TinyPipelineFrames, testing::Values(Case{"unipc", 4, 5}));

class Miniature : public testing::Test {
 protected:
  const SafetensorsFile fixture_{data_path("wan/miniature-10-steps.safetensors")};

  Result run(c10::ScalarType dtype) const {
    LoadOptions options;
    options.dtype = dtype;
    Request request;
    request.prompt = fixture_.metadata().at("prompt");
    request.guidance = std::stod(fixture_.metadata().at("guidance"));
    request.steps = 10;
    return generate(*load_model(model_path("wan-mini"), options), request);
  }
};

TEST_F(Miniature, TenStepsEqualDiffusersInFloat32) {
  const Result result = run(at::kFloat);
  EXPECT_TRUE(result.noise.equal(fixture_.tensor("noise")));
  EXPECT_LE(relative_error(result.latents, fixture_.tensor("latents").narrow(0, 9, 1)), tolerance::kPipelineFloat32);
}

TEST_F(Miniature, Bfloat16StaysAsNearToFloat32AsPythons) {
  const at::Tensor exact = fixture_.tensor("latents").narrow(0, 9, 1);
  const at::Tensor python = fixture_.tensor("bfloat16_run.latents").unsqueeze(0);
  const at::Tensor ours = run(at::kBFloat16).latents;
  const auto error = [&](const at::Tensor& latents) { return (latents - exact).square().mean().sqrt().item<double>(); };
  EXPECT_LE(error(ours), tolerance::kBfloat16ErrorRatio * error(python));
}

}  // namespace
}  // namespace ditto::test
