#pragma once

#include "core/step_grid.h"

namespace ditto {

/// Executed steps that are always computed: `first` at the start and `last` at the end of a run.
struct StepWindow {
  int first = 0;
  int last = 0;

  bool must_compute(const StepInfo& step) const { return step.index < first || step.index >= step.count - last; }
};

}  // namespace ditto
