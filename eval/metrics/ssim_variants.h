#pragma once

#include "eval/metrics/metric_result.h"

namespace ditto {

/// SSIM as scikit-image computes it by default (the convention of cache-dit-metrics): uniform window 7x7, sample
/// covariance (49/48), data range 255, without the 3-pixel margin; mean over positions and channels. Error(kUsage) for
/// a side under 7 pixels.
MetricResult ssim_skimage(const at::Tensor& reference, const at::Tensor& candidate);

/// Multi-scale SSIM (Wang et al. 2003) as pytorch-msssim computes it: Gaussian window 11, sigma 1.5, five levels with
/// weights .0448 .2856 .3001 .2363 .1333, data range 1, per channel. Error(kUsage) for a side of 160 pixels or less.
MetricResult ms_ssim(const at::Tensor& reference, const at::Tensor& candidate);

}  // namespace ditto
