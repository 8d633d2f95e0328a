#pragma once

#include <filesystem>
#include <string>

#include "solvers/solver.h"

namespace ditto {

/// What a model folder says about sampling; `make_solver(solver, options)` builds it.
struct SchedulerConfig {
  std::string solver;
  SolverOptions options;
};

/// Reads diffusers' `scheduler_config.json` of UniPCMultistepScheduler (flow noise levels, order 2, bh2) or
/// FlowMatchEulerDiscreteScheduler (static shift). Keys without influence on those are ignored. Throws
/// Error(kBadInputFile) naming key and value of a setting that is not supported.
SchedulerConfig read_scheduler_config(const std::filesystem::path& file);

}  // namespace ditto
