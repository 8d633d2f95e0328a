#pragma once

#include <span>
#include <vector>

#include "caches/planners/gram.h"
#include "caches/planners/move_table.h"
#include "caches/planners/step_goal.h"

namespace ditto {

/// Weights, newest first, with which the feature of step `target` is forecast from those of the computed steps: a
/// Taylor polynomial in the step index of that order, or the highest that the steps allow.
std::vector<float> forecast_weights(std::span<const int> computed_newest_first, int target, int order);

/// Errors of forecasting features of skipped steps, from full runs.
class ForecastErrors {
 public:
  /// `gram`: inner products of the features of steps 0 to steps - 1, a sample for each prompt and branch.
  ForecastErrors(Gram gram, int steps) : gram_(std::move(gram)), steps_(steps) {}

  int steps() const { return steps_; }

  /// Root mean square over the samples of the forecast of `target` minus the feature.
  double error(std::span<const int> computed_newest_first, int target, int order) const;

  /// Sum over the steps between `from` and `to` (exclusive, may be the end) of the errors of forecasts of first order
  /// from `from` and `previous`; -1: of reuse.
  double segment(int previous, int from, int to) const;

  /// The summed error of a whole schedule with forecasts of that order.
  double total(std::span<const int> computed, int order) const;

 private:
  Gram gram_;
  int steps_;
};

/// DPCache's plan (arXiv 2602.22654): the computed steps with the least summed forecast error, exact over pairs of
/// steps where the paper's programme keeps one predecessor. Throws Error(kUsage) when the goal is impossible.
std::vector<int> plan_forecasts(const ForecastErrors& errors, const StepGoal& goal, int max_gap);

}  // namespace ditto
