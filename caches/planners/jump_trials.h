#pragma once

#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "caches/planners/jumps.h"
#include "caches/planners/step_goal.h"

namespace ditto {

/// Sub-schedules run on several prompts: the closed loop. What was run once is remembered.
class JumpTrials {
 public:
  /// `error`: of these nodes on one prompt, smaller is better.
  using Run = std::function<double(const std::vector<int>& nodes, int prompt)>;

  JumpTrials(int prompts, Run error);

  int prompts() const { return prompts_; }

  /// Geometric mean over all prompts, or over the first of them; infinite when a run failed (NaN).
  double error(const std::vector<int>& nodes) { return error(nodes, prompts_); }
  double error(const std::vector<int>& nodes, int prompts);

 private:
  int prompts_;
  Run run_;
  std::map<std::vector<int>, std::vector<double>> logarithms_;  // of the prompts run so far
};

/// A sub-schedule, the rules that chose it, and what a closed loop measured.
struct JumpCandidate {
  std::vector<JumpRule> rules;
  std::vector<int> nodes;
  double measured = std::numeric_limits<double>::infinity();
};

/// The distinct plans of these rules, all run, the best one first. The rule matters more than the number of prompts,
/// and no model of the error ranks plans as well as running them.
std::vector<JumpCandidate> rank_jumps(const JumpErrors& errors, int max_gap, const StepGoal& goal,
                                      const std::vector<JumpRule>& rules, JumpTrials& trials);

/// Moves single nodes by one step as long as the measured error falls, going over all nodes up to `rounds` times. A
/// neighbour that loses on the first quarter of the prompts is not run on the others.
std::vector<int> refine_jumps(std::vector<int> nodes, int steps, int max_gap, const StepGoal& goal, int rounds,
                              JumpTrials& trials);

}  // namespace ditto
