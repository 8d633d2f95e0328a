#pragma once

namespace ditto {

/// What is asked of a sub-schedule: how many steps it visits, and how many at the start (step 0 always is) and at the
/// end are not to be left out.
struct StepGoal {
  int nodes = 0;
  int first = 1;
  int last = 0;

  /// The fewest steps that reach from step 0 to the end in moves up to `max_gap`.
  int least_nodes(int steps, int max_gap) const;
  /// Whether the goal lets a schedule go from one step to another without visiting those between.
  bool allows(int from, int to, int steps) const;
  /// Error(kUsage) "--compute: ..." when no sub-schedule meets the goal.
  void require_possible(int steps, int max_gap) const;
};

}  // namespace ditto
