#pragma once

#include "eval/metrics/metric_result.h"

namespace ditto {

/// Relative L1 distance mean|candidate - reference| / mean|reference| of latents [1,C,F,H,W], one score for each latent
/// frame. Error(kUsage) unless both are floating point and of one shape.
MetricResult latent_distance(const at::Tensor& reference, const at::Tensor& candidate);

}  // namespace ditto
