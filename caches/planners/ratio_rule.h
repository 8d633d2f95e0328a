#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace ditto {

/// MagCache's rule (arXiv 2506.09045) over a list of residual ratios: a step is reused while the accumulated deviation
/// of the product of ratios from 1 stays below `threshold`, at most `max_reuse` times in a row, and never before
/// `retention` of the steps are done.
struct RatioRule {
  double threshold = 0;
  int max_reuse = 4;
  double retention = 0.2;
  bool inclusive = false;         ///< reuse at the threshold itself, as FLUX and HunyuanVideo have it
  bool rounds_retention = false;  ///< floor(steps * retention + 0.5) instead of floor(steps * retention)
  std::vector<int> always = {};   ///< steps that are computed whatever the ratios say
};

/// The steps that the rule computes. `ratios[i]` is the mean ratio of the norms of residual i and residual i - 1.
std::vector<int> computed_steps(std::span<const double> ratios, const RatioRule& rule);

/// The largest deviation that a reused step of a schedule has accumulated: what `threshold` bounds.
double largest_deviation(std::span<const double> ratios, std::span<const int> computed);

/// The rule with the threshold at which exactly `compute` steps are computed, the smallest such threshold; the other
/// members are those of `rule`. Throws Error(kUsage) that names the possible numbers of steps when there is none.
RatioRule rule_for_budget(std::span<const double> ratios, RatioRule rule, int compute);

}  // namespace ditto
