#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "caches/forecasters/forecaster.h"

namespace ditto {

/// HyCa's pool (arXiv 2510.04188): Taylor, Adams-Bashforth, Runge-Kutta, backward differentiation (damped: without its
/// derivative term), Adams-Moulton. Reuse and the second-order Taylor ladder are additions. The first six are in the
/// order of a profile's "hyca.solver_error".
enum class PoolSolver : std::uint8_t { kTf, kAb2, kRk2, kBdf2, kAm, kReuse, kTf2 };

inline constexpr std::array<std::string_view, 7> kPoolSolverNames = {"tf", "ab2", "rk2", "bdf2", "am", "reuse", "tf2"};

std::string_view solver_name(PoolSolver solver);

/// Throws Error(kUsage) beginning with `where` for an unknown name.
PoolSolver solver_from_name(std::string_view name, const std::string& where);

/// Snapshots a solver has to have before its own formula holds: fewer are forecast along their line, one is reused.
int snapshots_needed(PoolSolver solver);

/// One solver's forecast. Anchored: F0 + k * (alpha * d0 + beta * d1), with the newest computed feature F0, the slopes
/// d0 and d1 of the last three computed features and the distance k. Rolling: its formula at unit steps, over the last
/// three values with forecasts among them; positions are step indices.
class PoolForecaster : public Forecaster {
 public:
  PoolForecaster(PoolSolver solver, bool rolling) : solver_(solver), rolling_(rolling) {}
  std::vector<float> weights(std::span<const double> newest_first, double target) const override;

 private:
  std::vector<float> anchored(std::span<const double> newest_first, double target) const;

  PoolSolver solver_;
  bool rolling_;
};

}  // namespace ditto
