#include "caches/planners/dpcache.h"

#include <algorithm>

#include "caches/forecasters/taylor.h"
#include "caches/planners/path_cost.h"
#include "caches/planners/step_path.h"

namespace ditto {

std::vector<float> forecast_weights(std::span<const int> computed_newest_first, int target, int order) {
  const std::vector<double> positions(computed_newest_first.begin(), computed_newest_first.end());
  return TaylorForecaster(order).weights(positions, target);
}

double ForecastErrors::error(std::span<const int> computed_newest_first, int target, int order) const {
  const std::vector<float> weights = forecast_weights(computed_newest_first, target, order);
  std::vector<GramTerm> terms = {{target, -1.0}};
  for (std::size_t k = 0; k < weights.size(); ++k) {
    terms.push_back({computed_newest_first[k], static_cast<double>(weights[k])});
  }
  return gram_.rms(terms);
}

double ForecastErrors::segment(int previous, int from, int to) const {
  const int steps[] = {from, previous};
  const std::span<const int> known(steps, previous < 0 ? 1 : 2);
  double sum = 0;
  for (int target = from + 1; target < to; ++target) sum += error(known, target, 1);
  return sum;
}

double ForecastErrors::total(std::span<const int> computed, int order) const {
  double sum = 0;
  std::vector<int> newest_first;
  for (int step = 0; step < steps_; ++step) {
    if (std::ranges::find(computed, step) != computed.end()) {
      newest_first.insert(newest_first.begin(), step);
    } else {
      sum += error(newest_first, step, order);
    }
  }
  return sum;
}

std::vector<int> plan_forecasts(const ForecastErrors& errors, const StepGoal& goal, int max_gap) {
  const MoveTable moves(errors.steps(), max_gap,
                        [&](int previous, int from, int to) { return errors.segment(previous, from, to); });
  return best_step_path<ErrorSum<1>>(moves, goal);
}

}  // namespace ditto
