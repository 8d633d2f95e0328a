#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/run_info.h"
#include "core/site.h"
#include "core/trace.h"

namespace ditto {

/// What a plan was made for. It is written into the schedule's first line, so that another model, solver, shift,
/// guidance or number of steps is refused when the schedule is used.
struct PlanOrigin {
  ModelIdentity model;
  int units = 0;  ///< units of the model
  RunInfo run;
  std::vector<double> sigmas;  ///< of the full grid, run.steps + 1 of them
  std::string plan;            ///< the planner with all its options: "jumps:compute=20,criterion=q4"
};

/// A schedule that visits these nodes of the grid and jumps over the others.
Trace jump_schedule(const PlanOrigin& origin, std::span<const int> nodes);

/// What a cached step makes of the whole stack of blocks: a Taylor forecast of that order (0: reuse) of its delta or
/// state.
struct StackForecast {
  FeatureForm form = FeatureForm::kDelta;
  int order = 0;
};

/// A schedule that computes the stack of blocks in these steps of each branch and forecasts it in the others.
Trace cache_schedule(const PlanOrigin& origin, const std::map<Branch, std::vector<int>>& computed,
                     const StackForecast& forecast);

}  // namespace ditto
