#include "eval/metrics/psnr.h"

#include <cmath>
#include <cstdint>
#include <numeric>

namespace ditto {
namespace {

constexpr double kPeakSquared = 255.0 * 255.0;
constexpr double kSmallestError = 1e-10;

/// Sum of squared differences per frame, in exact integers.
std::vector<std::int64_t> squared_errors(const at::Tensor& reference, const at::Tensor& candidate) {
  const at::Tensor a = reference.contiguous();
  const at::Tensor b = candidate.contiguous();
  const std::int64_t frame_size = a.numel() / a.size(0);
  const std::uint8_t* left = a.const_data_ptr<std::uint8_t>();
  const std::uint8_t* right = b.const_data_ptr<std::uint8_t>();
  std::vector<std::int64_t> errors(static_cast<std::size_t>(a.size(0)), 0);
  for (std::int64_t& error : errors) {
    for (std::int64_t i = 0; i < frame_size; ++i) {
      const int difference = int{left[i]} - int{right[i]};
      error += difference * difference;
    }
    left += frame_size;
    right += frame_size;
  }
  return errors;
}

double decibels(std::int64_t squared_error, std::int64_t values) {
  const double mse = static_cast<double>(squared_error) / (static_cast<double>(values) * kPeakSquared);
  return mse < kSmallestError ? kPsnrCap : -10.0 * std::log10(mse);
}

}  // namespace

std::vector<double> psnr_per_frame(const at::Tensor& reference, const at::Tensor& candidate) {
  check_comparable("psnr", reference, candidate);
  std::vector<double> scores;
  for (const std::int64_t error : squared_errors(reference, candidate)) {
    scores.push_back(decibels(error, reference.numel() / reference.size(0)));
  }
  return scores;
}

MetricResult psnr(const at::Tensor& reference, const at::Tensor& candidate) {
  return summarise_scores(psnr_per_frame(reference, candidate), BetterScore::kHigher);
}

double psnr_clip(const at::Tensor& reference, const at::Tensor& candidate) {
  check_comparable("psnr-clip", reference, candidate);
  const std::vector<std::int64_t> errors = squared_errors(reference, candidate);
  return decibels(std::accumulate(errors.begin(), errors.end(), std::int64_t{0}), reference.numel());
}

}  // namespace ditto
