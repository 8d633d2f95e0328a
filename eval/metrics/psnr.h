#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "eval/metrics/metric_result.h"

namespace ditto {

/// Score of frames without a difference, and the cap of every score (the convention of the VideoSys scripts).
inline constexpr double kPsnrCap = 100;

/// PSNR in dB of every frame: 10 log10(1 / mse) over height, width and channels on the [0,1] scale; a mse below 1e-10
/// scores `kPsnrCap`. Both clips are uint8 [T,H,W,3] of one shape, else Error(kUsage).
std::vector<double> psnr_per_frame(const at::Tensor& reference, const at::Tensor& candidate);

/// `psnr_per_frame`, folded: mean over frames, worst frame, 5th percentile.
MetricResult psnr(const at::Tensor& reference, const at::Tensor& candidate);

/// PSNR in dB of one mse over the whole clip (EasyCache's convention), never above the mean of `psnr` but for the cap.
double psnr_clip(const at::Tensor& reference, const at::Tensor& candidate);

}  // namespace ditto
