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

/// What a refined sub-schedule has to keep to.
struct JumpLimits {
  int steps;
  int max_gap;
  StepGoal goal;
  /// A model of the error: neighbours that it thinks a quarter worse are not run.
  std::function<double(const std::vector<int>& nodes)> predicted;
};

/// Changes nodes as long as the measured error falls: moves runs of neighbouring nodes by one step, short runs first,
/// then single nodes to any other step; all of them up to `rounds` times. A plan that loses on the first few prompts is
/// not run on the others.
std::vector<int> refine_jumps(std::vector<int> nodes, const JumpLimits& limits, int rounds, JumpTrials& trials);

}  // namespace ditto
