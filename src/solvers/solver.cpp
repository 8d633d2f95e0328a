#include "solvers/solver.h"

#include <cmath>

#include <fmt/format.h>

#include "core/error.h"
#include "solvers/flow_euler.h"
#include "solvers/unipc.h"

namespace ditto {

std::unique_ptr<Solver> make_solver(std::string_view name, const SolverOptions& options) {
  if (!(options.shift > 0) || !std::isfinite(options.shift)) {
    throw Error(ExitCode::kUsage, fmt::format("shift: {} is not accepted; give a positive number", options.shift));
  }
  if (options.train_timesteps < 1) {
    throw Error(ExitCode::kUsage,
                fmt::format("train_timesteps: {} is not accepted; give a positive integer", options.train_timesteps));
  }
  if (name == UniPcSolver::kName) return std::make_unique<UniPcSolver>(options);
  if (name == FlowEulerSolver::kName) return std::make_unique<FlowEulerSolver>(options);
  throw Error(ExitCode::kUsage, fmt::format("solver: \"{}\" is unknown; accepted: {}, {}", name, UniPcSolver::kName,
                                            FlowEulerSolver::kName));
}

}  // namespace ditto
