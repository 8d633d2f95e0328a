#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "eval/metrics/metric_result.h"

namespace ditto {

/// Side of the Gaussian window, and so the smallest frame side SSIM is defined for.
inline constexpr int kSsimWindow = 11;

/// SSIM of every frame (Wang et al. 2004): Gaussian window 11x11 of sigma 1.5, float64 on the [0,1] scale, C1 = 0.01^2,
/// C2 = 0.03^2, population covariance, only where the window lies inside the frame; mean over positions and channels.
/// Both clips are uint8 [T,H,W,3] of one shape with no side under 11 pixels, else Error(kUsage).
std::vector<double> ssim_per_frame(const at::Tensor& reference, const at::Tensor& candidate);

/// `ssim_per_frame`, folded: mean over frames, worst frame, 5th percentile.
MetricResult ssim(const at::Tensor& reference, const at::Tensor& candidate);

}  // namespace ditto
