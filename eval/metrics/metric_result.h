#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace ditto {

/// Scores of a clip, one per frame, folded. `p5` is the score that 5 % of the frames do not reach (for a distance: that
/// 5 % exceed), interpolated linearly between frames. The first of several equally bad frames is the worst one.
struct MetricResult {
  double mean = 0;
  double worst = 0;
  int worst_frame = 0;
  double p5 = 0;
};

enum class BetterScore { kHigher, kLower };

/// Folds at least one per-frame score.
MetricResult summarise_scores(const std::vector<double>& scores, BetterScore better);

/// Throws Error(kUsage) unless both are uint8 [T,H,W,3] on the CPU with the same, non-empty shape; `metric` starts the
/// message, which names both shapes.
void check_comparable(const std::string& metric, const at::Tensor& reference, const at::Tensor& candidate);

}  // namespace ditto
