#include "eval/metrics/ssim.h"

#include <fmt/format.h>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"

namespace ditto {
namespace {

constexpr double kSigma = 1.5;
constexpr double kC1 = 0.01 * 0.01;
constexpr double kC2 = 0.03 * 0.03;

/// Gaussian mean around every position whose window lies inside the frame.
cv::Mat window_mean(const cv::Mat& values, const cv::Mat& kernel) {
  cv::Mat filtered;
  cv::sepFilter2D(values, filtered, CV_64F, kernel, kernel);
  constexpr int kMargin = kSsimWindow / 2;
  return filtered(cv::Rect(kMargin, kMargin, values.cols - 2 * kMargin, values.rows - 2 * kMargin));
}

double ssim_of_images(const cv::Mat& a, const cv::Mat& b, const cv::Mat& kernel) {
  const cv::Mat mean_a = window_mean(a, kernel);
  const cv::Mat mean_b = window_mean(b, kernel);
  const cv::Mat mean_aa = mean_a.mul(mean_a);
  const cv::Mat mean_bb = mean_b.mul(mean_b);
  const cv::Mat mean_ab = mean_a.mul(mean_b);
  const cv::Mat variances = window_mean(a.mul(a), kernel) - mean_aa + window_mean(b.mul(b), kernel) - mean_bb;
  const cv::Mat covariance = window_mean(a.mul(b), kernel) - mean_ab;
  const cv::Scalar c1 = cv::Scalar::all(kC1);
  const cv::Scalar c2 = cv::Scalar::all(kC2);
  const cv::Mat numerator = cv::Mat(2 * mean_ab + c1).mul(cv::Mat(2 * covariance + c2));
  const cv::Mat denominator = cv::Mat(mean_aa + mean_bb + c1).mul(cv::Mat(variances + c2));
  const cv::Scalar per_channel = cv::mean(numerator / denominator);
  return (per_channel[0] + per_channel[1] + per_channel[2]) / 3;
}

cv::Mat unit_range_image(const at::Tensor& frame) {
  const cv::Mat bytes(static_cast<int>(frame.size(0)), static_cast<int>(frame.size(1)), CV_8UC3,
                      const_cast<void*>(frame.const_data_ptr()));
  cv::Mat image;
  bytes.convertTo(image, CV_64F);
  return image / 255.0;
}

}  // namespace

std::vector<double> ssim_per_frame(const at::Tensor& reference, const at::Tensor& candidate) {
  check_comparable("ssim", reference, candidate);
  if (reference.size(1) < kSsimWindow || reference.size(2) < kSsimWindow) {
    throw Error(ExitCode::kUsage,
                fmt::format("ssim: undefined for frames of {}x{} pixels; accepted are sides of at least {} pixels",
                            reference.size(2), reference.size(1), kSsimWindow));
  }
  const at::Tensor a = reference.contiguous();
  const at::Tensor b = candidate.contiguous();
  const cv::Mat kernel = cv::getGaussianKernel(kSsimWindow, kSigma, CV_64F);
  std::vector<double> scores;
  for (std::int64_t frame = 0; frame < a.size(0); ++frame) {
    scores.push_back(
        ssim_of_images(unit_range_image(a.select(0, frame)), unit_range_image(b.select(0, frame)), kernel));
  }
  return scores;
}

MetricResult ssim(const at::Tensor& reference, const at::Tensor& candidate) {
  return summarise_scores(ssim_per_frame(reference, candidate), BetterScore::kHigher);
}

}  // namespace ditto
