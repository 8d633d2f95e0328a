#include "solvers/flow_sigmas.h"

#include <numeric>
#include <utility>

#include <c10/util/Exception.h>

#include <fmt/format.h>

#include "core/error.h"

namespace ditto {

double shift_sigma(double sigma, double shift) { return shift * sigma / (1 + (shift - 1) * sigma); }

std::vector<double> linear_spacing(double first, double last, int count) {
  std::vector<double> values(count, first);
  if (count == 1) return values;
  // Step times index plus start, in this order: the timesteps are truncated, so the last bit matters.
  const double step = (last - first) / (count - 1);
  for (int i = 0; i < count; ++i) values[i] = i * step + first;
  return values;
}

StepGrid grid_of(std::vector<double> sigmas) {
  StepGrid grid;
  grid.nodes.resize(sigmas.size());
  std::iota(grid.nodes.begin(), grid.nodes.end(), 0);
  sigmas.push_back(0);
  grid.sigmas = std::move(sigmas);
  return grid;
}

void require_steps(int steps) {
  if (steps < 1) {
    throw Error(ExitCode::kUsage, fmt::format("steps: {} is not accepted; give a positive integer", steps));
  }
}

std::vector<double> stored_sigmas(const StepGrid& grid) {
  TORCH_CHECK(grid.sigmas.size() >= 2 && grid.sigmas.back() == 0, "a step grid has at least one step and ends at 0");
  std::vector<double> sigmas;
  sigmas.reserve(grid.sigmas.size());
  for (const double sigma : grid.sigmas) {
    const double stored = static_cast<float>(sigma);
    TORCH_CHECK(sigmas.empty() || stored < sigmas.back(), "noise levels fall from step to step, got ", sigma);
    sigmas.push_back(stored);
  }
  return sigmas;
}

}  // namespace ditto
