#pragma once

#include <utility>

#include "caches/missed_refresh.h"
#include "caches/registry.h"
#include "core/cache_policy.h"

namespace ditto {

/// The option `branch`: each branch decides for itself, or the conditional one for both.
OptionSpec branch_option();

/// What `branch` chose, and the decision that the other branch follows.
class BranchChoice {
 public:
  explicit BranchChoice(const PolicyOptions& options) : conditional_decides_(options.text("branch") == "conditional") {}

  bool conditional_decides() const { return conditional_decides_; }

  /// judge(point), or the conditional branch's decision of this step where that counts for both. A policy stacked above
  /// may have kept the conditional branch from being asked: the other one then decides for itself.
  template <typename Judge>
  Decision decide(const DecisionPoint& point, Judge&& judge) {
    const bool follows = conditional_decides_ && point.branch == Branch::kUnconditional && step_ == point.step.index;
    if (!follows) decision_ = std::forward<Judge>(judge)(point);
    step_ = point.step.index;
    if (decision_.action == Action::kRecompute) computed_ = step_;
    if (follows && decision_.action == Action::kBlend && missed(point, computed_))
      return Decision::recompute(kMissedRefresh);
    return decision_;
  }

 private:
  bool conditional_decides_;
  Decision decision_;  ///< of the branch that decided last
  int step_ = -1;      ///< the step of that
  int computed_ = -1;  ///< last step that was to be computed
};

}  // namespace ditto
