#include "eval/metrics/ssim_variants.h"

#include <array>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <fmt/format.h>

#include "core/error.h"

namespace ditto {
namespace {

constexpr double kK1 = 0.01, kK2 = 0.03;
constexpr int kUniformWindow = 7;
constexpr int kGaussianWindow = 11;
constexpr double kGaussianSigma = 1.5;
constexpr std::array kLevelWeights = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
constexpr int kSmallestMultiScaleSide = (kGaussianWindow - 1) * 16;

/// A frame as [1,3,H,W] in fp64.
at::Tensor image_of(const at::Tensor& frame) { return frame.permute({2, 0, 1}).unsqueeze(0).to(at::kDouble); }

void require_side(const std::string& metric, const at::Tensor& clip, std::int64_t smallest) {
  if (std::min(clip.size(1), clip.size(2)) >= smallest) return;
  throw Error(ExitCode::kUsage,
              fmt::format("{}: undefined for frames of {}x{} pixels; accepted are sides of at least {} pixels", metric,
                          clip.size(2), clip.size(1), smallest));
}

/// The two factors of SSIM at every position: luminance, and contrast with structure.
struct SsimMaps {
  at::Tensor luminance, structure;
};

template <typename WindowMean>
SsimMaps ssim_maps(const at::Tensor& a, const at::Tensor& b, double range, double covariance_factor,
                   const WindowMean& mean) {
  const double c1 = (kK1 * range) * (kK1 * range), c2 = (kK2 * range) * (kK2 * range);
  const at::Tensor mean_a = mean(a), mean_b = mean(b);
  const at::Tensor variance_a = covariance_factor * (mean(a * a) - mean_a * mean_a);
  const at::Tensor variance_b = covariance_factor * (mean(b * b) - mean_b * mean_b);
  const at::Tensor covariance = covariance_factor * (mean(a * b) - mean_a * mean_b);
  return {(2 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1),
          (2 * covariance + c2) / (variance_a + variance_b + c2)};
}

double uniform_ssim(const at::Tensor& a, const at::Tensor& b) {
  constexpr double kPixels = kUniformWindow * kUniformWindow;
  const auto mean = [](const at::Tensor& x) { return at::avg_pool2d(x, {kUniformWindow, kUniformWindow}, {1, 1}); };
  const SsimMaps maps = ssim_maps(a, b, 255, kPixels / (kPixels - 1), mean);
  return (maps.luminance * maps.structure).mean().item<double>();
}

/// The Gaussian along one axis as the weight of a convolution of each channel apart.
at::Tensor gaussian() {
  std::array<double, kGaussianWindow> values{};
  double sum = 0;
  for (int i = 0; i < kGaussianWindow; ++i) {
    const double distance = i - kGaussianWindow / 2;
    values[static_cast<std::size_t>(i)] = std::exp(-distance * distance / (2 * kGaussianSigma * kGaussianSigma));
    sum += values[static_cast<std::size_t>(i)];
  }
  for (double& value : values) value /= sum;
  return at::tensor(at::ArrayRef<double>(values)).view({1, 1, 1, kGaussianWindow}).expand({3, 1, 1, kGaussianWindow});
}

at::Tensor halved(const at::Tensor& x) { return at::avg_pool2d(x, {2, 2}, {2, 2}, {x.size(2) % 2, x.size(3) % 2}); }

double multi_scale_ssim(at::Tensor a, at::Tensor b, const at::Tensor& kernel) {
  const auto mean = [&](const at::Tensor& x) {
    const at::Tensor rows = at::conv2d(x, kernel, {}, at::IntArrayRef{1, 1}, at::IntArrayRef{0, 0}, {1, 1}, 3);
    return at::conv2d(rows, kernel.transpose(2, 3), {}, at::IntArrayRef{1, 1}, at::IntArrayRef{0, 0}, {1, 1}, 3);
  };
  at::Tensor product;
  for (std::size_t level = 0; level < kLevelWeights.size(); ++level) {
    const SsimMaps maps = ssim_maps(a, b, 1, 1, mean);
    const bool last = level + 1 == kLevelWeights.size();
    const at::Tensor map = last ? maps.luminance * maps.structure : maps.structure;
    const at::Tensor factor = at::relu(map.mean({2, 3})).pow(kLevelWeights[level]);
    product = product.defined() ? product * factor : factor;
    if (!last) {
      a = halved(a);
      b = halved(b);
    }
  }
  return product.mean().item<double>();
}

}  // namespace

MetricResult ssim_skimage(const at::Tensor& reference, const at::Tensor& candidate) {
  check_comparable("ssim-skimage", reference, candidate);
  require_side("ssim-skimage", reference, kUniformWindow);
  const c10::InferenceMode inference;
  std::vector<double> scores;
  for (std::int64_t frame = 0; frame < reference.size(0); ++frame) {
    scores.push_back(uniform_ssim(image_of(reference[frame]), image_of(candidate[frame])));
  }
  return summarise_scores(scores, BetterScore::kHigher);
}

MetricResult ms_ssim(const at::Tensor& reference, const at::Tensor& candidate) {
  check_comparable("ms-ssim", reference, candidate);
  require_side("ms-ssim", reference, kSmallestMultiScaleSide + 1);
  const c10::InferenceMode inference;
  const at::Tensor kernel = gaussian();
  std::vector<double> scores;
  for (std::int64_t frame = 0; frame < reference.size(0); ++frame) {
    scores.push_back(multi_scale_ssim(image_of(reference[frame]) / 255, image_of(candidate[frame]) / 255, kernel));
  }
  return summarise_scores(scores, BetterScore::kHigher);
}

}  // namespace ditto
