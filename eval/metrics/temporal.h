#pragma once

#include "eval/metrics/metric_result.h"

namespace ditto {

/// Steadiness of a clip: (255 - mean absolute difference of neighbouring frames) / 255 for every pair of frames, 1 for
/// a still clip (VBench's temporal flickering before its normalisation). Looks at the candidate alone. Error(kUsage)
/// for a single frame.
MetricResult flicker(const at::Tensor& reference, const at::Tensor& candidate);

/// Mean length in pixels of the optical flow (Farneback 2003) from each frame to the next, on the grey image. Looks at
/// the candidate alone. Error(kUsage) for a single frame.
MetricResult motion(const at::Tensor& reference, const at::Tensor& candidate);

}  // namespace ditto
