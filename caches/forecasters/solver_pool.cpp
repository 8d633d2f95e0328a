#include "caches/forecasters/solver_pool.h"

#include <algorithm>

#include <fmt/format.h>

#include "caches/forecasters/rolling.h"
#include "caches/refusal.h"

namespace ditto {
namespace {

/// Weights of the newest slope and of the one before it.
struct Slopes {
  double newest = 0;
  double older = 0;
};

/// `ratio` is the distance of the forecast over that of the two newest snapshots.
Slopes slopes_of(PoolSolver solver, double ratio) {
  switch (solver) {
    case PoolSolver::kTf:
      return {1, 0};
    case PoolSolver::kAb2:
      return {3.0 / 2, -1.0 / 2};
    case PoolSolver::kRk2:
      return {1.0 / 2, 1.0 / 2};
    case PoolSolver::kBdf2:
      return {1.0 / 3, 0};
    case PoolSolver::kAm:
      return {31.0 / 24, -7.0 / 24};
    case PoolSolver::kTf2:
      return {1 + ratio / 2, -ratio / 2};
    default:
      return {0, 0};
  }
}

}  // namespace

std::string_view solver_name(PoolSolver solver) { return kPoolSolverNames[static_cast<std::size_t>(solver)]; }

PoolSolver solver_from_name(std::string_view name, const std::string& where) {
  const auto it = std::ranges::find(kPoolSolverNames, name);
  if (it == kPoolSolverNames.end()) {
    refuse_option(where, fmt::format("there is no solver '{}'", name),
                  fmt::format("{}", fmt::join(kPoolSolverNames, ", ")));
  }
  return static_cast<PoolSolver>(it - kPoolSolverNames.begin());
}

int snapshots_needed(PoolSolver solver) {
  if (solver == PoolSolver::kReuse) return 1;
  return solver == PoolSolver::kTf ? 2 : 3;
}

std::vector<float> PoolForecaster::weights(std::span<const double> newest_first, double target) const {
  if (!rolling_) return anchored(newest_first, target);
  const Slopes unit_step = slopes_of(solver_, 1);
  return RollingForecaster({unit_step.newest, unit_step.older, 0}).weights(newest_first, target);
}

std::vector<float> PoolForecaster::anchored(std::span<const double> newest_first, double target) const {
  if (newest_first.size() == 1) return {1};
  const double distance = target - newest_first[0];
  const double gap = newest_first[0] - newest_first[1];
  const bool too_few = static_cast<int>(newest_first.size()) < snapshots_needed(solver_);
  const Slopes slopes = slopes_of(too_few ? PoolSolver::kTf : solver_, distance / gap);
  const double newest = distance * slopes.newest / gap;
  if (newest_first.size() == 2) return {static_cast<float>(1 + newest), static_cast<float>(-newest)};
  const double older = distance * slopes.older / (newest_first[1] - newest_first[2]);
  return {static_cast<float>(1 + newest), static_cast<float>(older - newest), static_cast<float>(-older)};
}

}  // namespace ditto
