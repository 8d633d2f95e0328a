#include "caches/planners/step_goal.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"

namespace ditto {

int StepGoal::least_nodes(int steps, int max_gap) const {
  const int forced_first = std::max(first, 1);
  const int distance = steps - last - (forced_first - 1);  // from the last forced step at the start to the end's first
  if (distance <= 0) return steps;
  return forced_first + last + (distance + max_gap - 1) / max_gap - 1;
}

bool StepGoal::allows(int from, int to, int steps) const {
  return to == from + 1 || (from + 1 >= first && to <= steps - last);
}

void StepGoal::require_possible(int steps, int max_gap) const {
  const int least = least_nodes(steps, max_gap);
  if (nodes >= least && nodes <= steps) return;
  throw Error(ExitCode::kUsage,
              fmt::format("--compute: {} of {} steps is not possible with moves up to {}; accepted: {} to {}", nodes,
                          steps, max_gap, least, steps));
}

}  // namespace ditto
