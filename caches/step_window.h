#pragma once

#include <algorithm>
#include <span>

#include "core/step_grid.h"

namespace ditto {

/// Executed steps that are always computed: `first` at the start and `last` at the end of a run.
struct StepWindow {
  int first = 0;
  int last = 0;

  bool must_compute(const StepInfo& step) const { return step.index < first || step.index >= step.count - last; }

  /// Whether no step is left to decide about: nothing has to be stored then.
  bool covers(std::span<const StepInfo> schedule) const {
    return std::ranges::all_of(schedule, [&](const StepInfo& step) { return must_compute(step); });
  }
};

}  // namespace ditto
