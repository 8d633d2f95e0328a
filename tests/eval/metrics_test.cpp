#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "eval/metrics/psnr.h"
#include "eval/metrics/ssim.h"
#include "test_paths.h"
#include "tolerances.h"

namespace ditto {
namespace {

using test::tolerance::kClosedForm;

at::Tensor constant_clip(std::int64_t frames, std::int64_t height, std::int64_t width, int value) {
  return at::full({frames, height, width, 3}, value, at::kByte);
}

/// Adds `amount` to the first `count` values of one frame.
void shift_values(at::Tensor& clip, std::int64_t frame, std::int64_t count, int amount) {
  clip.select(0, frame).view({-1}).slice(0, 0, count).add_(amount);
}

nlohmann::json fixture_scores() {
  std::ifstream file(test::data_path("metrics/scores.json"));
  return nlohmann::json::parse(file);
}

at::Tensor fixture_clip(const std::string& name) {
  const auto shape = fixture_scores().at("shape").get<std::vector<std::int64_t>>();
  std::ifstream file(test::data_path("metrics/" + name + ".rgb"), std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  at::Tensor clip = at::empty(shape, at::kByte);
  EXPECT_EQ(static_cast<std::int64_t>(bytes.size()), clip.numel());
  std::copy(bytes.begin(), bytes.end(), static_cast<char*>(clip.data_ptr()));
  return clip;
}

void expect_usage_error(const std::function<void()>& call, const std::vector<std::string>& parts) {
  try {
    call();
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    for (const std::string& part : parts) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << part << " is not in: " << error.what();
    }
  }
}

TEST(Psnr, OfAConstantDifferenceIsTheClosedForm) {
  const at::Tensor black = constant_clip(2, 3, 5, 0);
  EXPECT_NEAR(psnr(black, constant_clip(2, 3, 5, 255)).mean, 0, kClosedForm);
  EXPECT_NEAR(psnr(black, constant_clip(2, 3, 5, 1)).mean, 20 * std::log10(255.0), kClosedForm);
  EXPECT_NEAR(psnr(constant_clip(2, 3, 5, 200), constant_clip(2, 3, 5, 190)).mean, 20 * std::log10(25.5), kClosedForm);
}

TEST(Psnr, DoesNotWrapWhenTheCandidateIsBrighter) {
  const at::Tensor dark = constant_clip(1, 4, 4, 10);
  const at::Tensor bright = constant_clip(1, 4, 4, 30);
  EXPECT_DOUBLE_EQ(psnr(dark, bright).mean, psnr(bright, dark).mean);
}

TEST(Psnr, OfIdenticalClipsIsTheCap) {
  const MetricResult result = psnr(fixture_clip("noisy"), fixture_clip("noisy"));
  EXPECT_EQ(result.mean, kPsnrCap);
  EXPECT_EQ(result.worst, kPsnrCap);
  EXPECT_EQ(result.worst_frame, 0);
  EXPECT_EQ(result.p5, kPsnrCap);
  EXPECT_EQ(psnr_clip(fixture_clip("noisy"), fixture_clip("noisy")), kPsnrCap);
}

TEST(Psnr, CapsAnErrorUnderTheSmallestOne) {
  // One value off by one among N: mse = 1 / (N 255^2), which crosses 1e-10 between the two sizes.
  at::Tensor large = constant_clip(1, 240, 320, 7);
  shift_values(large, 0, 1, 1);
  EXPECT_EQ(psnr(constant_clip(1, 240, 320, 7), large).mean, kPsnrCap);
  at::Tensor small = constant_clip(1, 120, 320, 7);
  shift_values(small, 0, 1, 1);
  EXPECT_NEAR(psnr(constant_clip(1, 120, 320, 7), small).mean, 10 * std::log10(120 * 320 * 3 * 255.0 * 255.0),
              kClosedForm);
}

TEST(Psnr, NamesTheWorstFrame) {
  const at::Tensor reference = constant_clip(4, 6, 6, 50);
  at::Tensor candidate = constant_clip(4, 6, 6, 50);
  shift_values(candidate, 1, 10, 3);
  shift_values(candidate, 2, 10, 30);
  const MetricResult result = psnr(reference, candidate);
  EXPECT_EQ(result.worst_frame, 2);
  EXPECT_NEAR(result.worst, -10 * std::log10(10 * 900 / (108 * 255.0 * 255.0)), kClosedForm);
  EXPECT_NEAR(psnr_clip(reference, candidate), -10 * std::log10(10 * 909 / (432 * 255.0 * 255.0)), kClosedForm);
}

TEST(Psnr, OfAWholeClipIsNeverAboveTheMeanOfItsFrames) {
  for (const std::string name : {"noisy", "soft"}) {
    EXPECT_LE(psnr_clip(fixture_clip("reference"), fixture_clip(name)),
              psnr(fixture_clip("reference"), fixture_clip(name)).mean);
  }
}

TEST(Psnr, ReadsViewsThatAreNotContiguous) {
  const at::Tensor reference = fixture_clip("reference");
  const at::Tensor noisy = fixture_clip("noisy");
  EXPECT_EQ(psnr_per_frame(reference.flip({2}).flip({2}), noisy), psnr_per_frame(reference, noisy));
  EXPECT_EQ(psnr_per_frame(reference.slice(0, 1, 5, 2), noisy.slice(0, 1, 5, 2))[1],
            psnr_per_frame(reference, noisy)[3]);
}

TEST(Ssim, OfConstantClipsIsTheLuminanceTerm) {
  const double a = 100 / 255.0;
  const double b = 150 / 255.0;
  const double expected = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4);
  EXPECT_NEAR(ssim(constant_clip(2, 12, 16, 100), constant_clip(2, 12, 16, 150)).mean, expected, kClosedForm);
}

TEST(Ssim, OfIdenticalClipsIsOne) {
  const MetricResult result = ssim(fixture_clip("soft"), fixture_clip("soft"));
  EXPECT_NEAR(result.mean, 1, kClosedForm);
  EXPECT_NEAR(result.worst, 1, kClosedForm);
}

TEST(Ssim, OfOneWindowIsTheFormulaWithGaussianWeights) {
  // An 11x11 frame has one position: a single bright pixel in its middle against black.
  at::Tensor dot = constant_clip(1, 11, 11, 0);
  dot.select(0, 0).select(0, 5).select(0, 5).fill_(255);
  double sum = 0;
  for (int i = -5; i <= 5; ++i) sum += std::exp(-i * i / 4.5);
  const double weight = 1 / (sum * sum);
  const double expected = 1e-4 / (weight * weight + 1e-4) * 9e-4 / (weight - weight * weight + 9e-4);
  EXPECT_NEAR(ssim(dot, constant_clip(1, 11, 11, 0)).mean, expected, kClosedForm);
}

TEST(Ssim, RefusesFramesSmallerThanItsWindow) {
  const at::Tensor flat = constant_clip(1, 10, 64, 0);
  expect_usage_error([&] { ssim(flat, flat); }, {"ssim", "64x10", "11"});
  const at::Tensor thin = constant_clip(1, 64, 10, 0);
  expect_usage_error([&] { ssim(thin, thin); }, {"ssim", "10x64", "11"});
}

TEST(Metrics, AgreeWithScikitImage) {
  const at::Tensor reference = fixture_clip("reference");
  const nlohmann::json fixture = fixture_scores();
  for (const auto& [name, expected] : fixture.at("candidates").items()) {
    SCOPED_TRACE(name);
    const at::Tensor candidate = fixture_clip(name);
    const auto psnr_values = expected.at("psnr").get<std::vector<double>>();
    const auto ssim_values = expected.at("ssim").get<std::vector<double>>();
    const std::vector<double> psnr_scores = psnr_per_frame(reference, candidate);
    const std::vector<double> ssim_scores = ssim_per_frame(reference, candidate);
    ASSERT_EQ(psnr_scores.size(), psnr_values.size());
    ASSERT_EQ(ssim_scores.size(), ssim_values.size());
    for (std::size_t frame = 0; frame < psnr_values.size(); ++frame) {
      EXPECT_NEAR(psnr_scores[frame], psnr_values[frame], kClosedForm);
      EXPECT_NEAR(ssim_scores[frame], ssim_values[frame], kClosedForm);
    }
    EXPECT_NEAR(psnr(reference, candidate).p5, expected.at("psnr_p5").get<double>(), kClosedForm);
    EXPECT_NEAR(ssim(reference, candidate).p5, expected.at("ssim_p5").get<double>(), kClosedForm);
    EXPECT_NEAR(psnr_clip(reference, candidate), expected.at("psnr_clip").get<double>(), kClosedForm);
  }
}

TEST(Metrics, NameBothShapesWhenTheyDiffer) {
  const at::Tensor five = constant_clip(5, 16, 16, 0);
  const at::Tensor nine = constant_clip(9, 16, 16, 0);
  const std::vector<std::string> parts{"[5,16,16,3]", "[9,16,16,3]", "accepted"};
  expect_usage_error([&] { psnr(five, nine); }, parts);
  expect_usage_error([&] { psnr_clip(five, nine); }, parts);
  expect_usage_error([&] { ssim(five, nine); }, parts);
}

TEST(Metrics, RefuseEmptyAndForeignTensors) {
  const at::Tensor empty = at::zeros({0, 16, 16, 3}, at::kByte);
  expect_usage_error([&] { psnr(empty, empty); }, {"[0,16,16,3]"});
  const at::Tensor real = at::zeros({1, 16, 16, 3}, at::kFloat);
  expect_usage_error([&] { ssim(real, real); }, {"float", "uint8"});
  expect_usage_error([&] { psnr(at::Tensor(), at::Tensor()); }, {"nothing"});
}

TEST(SummariseScores, TakesTheWorstEndOfADistance) {
  const MetricResult distance = summarise_scores({0.1, 0.4, 0.2, 0.4, 0.0}, BetterScore::kLower);
  EXPECT_DOUBLE_EQ(distance.mean, 0.22);
  EXPECT_DOUBLE_EQ(distance.worst, 0.4);
  EXPECT_EQ(distance.worst_frame, 1);
  EXPECT_DOUBLE_EQ(distance.p5, 0.4);
  EXPECT_NEAR(summarise_scores({0, 1, 2, 3, 4}, BetterScore::kLower).p5, 3.8, kClosedForm);
  EXPECT_NEAR(summarise_scores({0, 1, 2, 3, 4}, BetterScore::kHigher).p5, 0.2, kClosedForm);
  EXPECT_DOUBLE_EQ(summarise_scores({7}, BetterScore::kHigher).p5, 7);
}

}  // namespace
}  // namespace ditto
