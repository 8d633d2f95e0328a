// Metrics against scikit-image, pytorch-msssim and lpips on real images of odd sizes
// (weights_scripts/fixtures/metrics_real.py).

#include <filesystem>
#include <limits>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "eval/metrics/lpips.h"
#include "eval/metrics/registry.h"
#include "eval/metrics/ssim_variants.h"
#include "eval/metrics/temporal.h"
#include "io/image.h"
#include "io/json_file.h"
#include "test_paths.h"
#include "tolerances.h"

namespace ditto {
namespace {

using test::tolerance::kMetric;

struct Pair {
  at::Tensor reference, candidate;
};

Pair images(const std::string& name) {
  return {read_image(test::data_path("metrics/" + name + "_reference.png")).unsqueeze(0),
          read_image(test::data_path("metrics/" + name + "_candidate.png")).unsqueeze(0)};
}

class RealImages : public testing::TestWithParam<std::string> {
 protected:
  const Pair pair_ = images(GetParam());
  const nlohmann::json scores_ = read_json_file(test::data_path("metrics/real_scores.json")).at(GetParam());

  void expect_distance(const std::string& key, const Lpips& network) const {
    const Lpips::Distance distance = network.per_frame(pair_.reference, pair_.candidate).front();
    EXPECT_NEAR(distance.mean, scores_.at(key).at("mean"), kMetric) << key;
    EXPECT_NEAR(distance.spatial, scores_.at(key).at("spatial"), kMetric) << key;
  }
};

/// Weights that the fixture's script draws too: convolutions in order, then heads.
std::map<std::string, at::Tensor> random_weights(LpipsNetwork network, const std::vector<std::string>& names,
                                                 const std::vector<std::vector<std::int64_t>>& sizes,
                                                 const std::vector<std::int64_t>& heads) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(11);
  std::map<std::string, at::Tensor> weights;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::vector<std::int64_t>& size = sizes[i];  // out, in, kernel, kernel
    const double inputs = static_cast<double>(size[1] * size[2] * size[3]);
    const at::Tensor weight = at::randn(size, generator, at::kFloat) / std::sqrt(inputs);
    const bool as_published = network == LpipsNetwork::kSqueeze;
    weights[names[i] + (as_published ? ".weight" : ".kernel")] = as_published ? weight : weight.permute({2, 3, 1, 0});
    weights[names[i] + ".bias"] = at::randn({size[0]}, generator, at::kFloat);
  }
  for (std::size_t i = 0; i < heads.size(); ++i) {
    weights["head." + std::to_string(i)] =
        at::rand({1, heads[i], 1, 1}, generator, at::kFloat).view({1, 1, heads[i], 1});
  }
  return weights;
}

std::map<std::string, at::Tensor> random_alex_weights() {
  const std::vector<std::vector<std::int64_t>> sizes = {
      {64, 3, 11, 11}, {192, 64, 5, 5}, {384, 192, 3, 3}, {256, 384, 3, 3}, {256, 256, 3, 3}};
  return random_weights(LpipsNetwork::kAlex, {"trunk.0", "trunk.1", "trunk.2", "trunk.3", "trunk.4"}, sizes,
                        {64, 192, 384, 256, 256});
}

Lpips random_alex() { return {LpipsNetwork::kAlex, random_alex_weights(), "random"}; }

Lpips random_vgg() {
  std::vector<std::string> names;
  std::vector<std::vector<std::int64_t>> sizes;
  std::int64_t in = 3;
  for (const std::int64_t out : {64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512}) {
    names.push_back("trunk." + std::to_string(names.size()));
    sizes.push_back({out, in, 3, 3});
    in = out;
  }
  return {LpipsNetwork::kVgg, random_weights(LpipsNetwork::kVgg, names, sizes, {64, 128, 256, 512, 512}), "random"};
}

Lpips random_squeeze() {
  std::vector<std::string> names = {"features.0"};
  std::vector<std::vector<std::int64_t>> sizes = {{64, 3, 3, 3}};
  const std::vector<std::vector<std::int64_t>> fires = {{3, 64, 16, 64},    {4, 128, 16, 64},  {6, 128, 32, 128},
                                                        {7, 256, 32, 128},  {9, 256, 48, 192}, {10, 384, 48, 192},
                                                        {11, 384, 64, 256}, {12, 512, 64, 256}};
  for (const auto& fire : fires) {
    const std::string module = "features." + std::to_string(fire[0]);
    names.insert(names.end(), {module + ".squeeze", module + ".expand1x1", module + ".expand3x3"});
    sizes.push_back({fire[2], fire[1], 1, 1});
    sizes.push_back({fire[3], fire[2], 1, 1});
    sizes.push_back({fire[3], fire[2], 3, 3});
  }
  return {LpipsNetwork::kSqueeze,
          random_weights(LpipsNetwork::kSqueeze, names, sizes, {64, 128, 256, 384, 384, 512, 512}), "random"};
}

TEST_P(RealImages, ScoreAsScikitImage) {
  EXPECT_NEAR(ssim_skimage(pair_.reference, pair_.candidate).mean, scores_.at("ssim-skimage"), kMetric);
}

TEST_P(RealImages, ScoreAsMultiScaleSsimWhereItIsDefined) {
  if (scores_.contains("ms-ssim")) {
    EXPECT_NEAR(ms_ssim(pair_.reference, pair_.candidate).mean, scores_.at("ms-ssim"), kMetric);
  } else {
    EXPECT_THROW(ms_ssim(pair_.reference, pair_.candidate), Error);
  }
}

TEST_P(RealImages, ScoreAsLpipsWithRandomWeights) {
  expect_distance("random-alex", random_alex());
  expect_distance("random-vgg", random_vgg());
  expect_distance("random-squeeze", random_squeeze());
}

TEST(LpipsWeights, AreFinite) {
  std::map<std::string, at::Tensor> weights = random_alex_weights();
  weights["head.2"].view({-1})[7] = std::numeric_limits<float>::quiet_NaN();
  try {
    Lpips(LpipsNetwork::kAlex, weights, "alex");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
    EXPECT_STREQ(error.what(), "alex: 'head.2' has NaN or infinite values; accepted: finite ones");
  }
}

TEST_P(RealImages, ScoreAsLpipsWithThePublishedWeights) {
  for (const LpipsNetwork network : {LpipsNetwork::kAlex, LpipsNetwork::kVgg}) {
    const std::string metric = "lpips-" + lpips_name(network);
    if (std::filesystem::exists(std::filesystem::path(lpips_folder()) / (lpips_name(network) + ".safetensors"))) {
      expect_distance(metric, Lpips::load(network, lpips_folder()));
      EXPECT_NO_THROW(find_metric("--metrics", metric));
    } else {
      EXPECT_THROW(find_metric("--metrics", metric), Error);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Crops, RealImages, testing::Values("astronaut", "coffee"),
                         [](const auto& info) { return info.param; });

TEST(LpipsWeights, ThatAreMissingOrMisshapenAreRefusedByName) {
  try {
    const Lpips network(LpipsNetwork::kAlex, {{"trunk.0.kernel", at::zeros({3, 3, 3, 64})}}, "alex.safetensors");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
    EXPECT_NE(std::string(error.what()).find("alex.safetensors: 'trunk.0.kernel'"), std::string::npos) << error.what();
  }
}

TEST(SmallFrames, AreRefusedByNameOfTheMetric) {
  const auto refusal = [](const auto& metric, std::int64_t side) -> std::string {
    const at::Tensor clip = at::zeros({2, side, 64, 3}, at::kByte);
    try {
      metric(clip, clip);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kUsage);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal(ssim_skimage, 7), "");
  EXPECT_EQ(refusal(ssim_skimage, 6).rfind("ssim-skimage: undefined for frames of 64x6 pixels", 0), 0U);
  EXPECT_EQ(refusal(ms_ssim, 64).rfind("ms-ssim: undefined", 0), 0U);
  const Lpips alex = random_alex();
  const auto lpips = [&](const at::Tensor& a, const at::Tensor& b) { alex.per_frame(a, b); };
  EXPECT_EQ(refusal(lpips, 31), "");
  EXPECT_EQ(refusal(lpips, 30).rfind("lpips-alex: undefined for frames of 64x30 pixels", 0), 0U);
}

TEST(Flicker, IsOneForAStillClipAndFallsWithTheChange) {
  at::Tensor clip = at::full({3, 16, 16, 3}, 100, at::kByte);
  EXPECT_DOUBLE_EQ(flicker(clip, clip).mean, 1);
  clip[2].fill_(151);
  EXPECT_DOUBLE_EQ(flicker(clip, clip).mean, 1 - 51.0 / 255 / 2);
  EXPECT_EQ(flicker(clip, clip).worst_frame, 1);
  EXPECT_THROW(flicker(clip.narrow(0, 0, 1), clip.narrow(0, 0, 1)), Error);
}

TEST(Metrics, AreFoundByNameAndANearMissIsNamed) {
  EXPECT_EQ(find_metric("--metrics", "psnr").name, "psnr");
  try {
    find_metric("--metrics", "pnsr");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'psnr'?"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace ditto
