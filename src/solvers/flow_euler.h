#pragma once

#include <vector>

#include "solvers/solver.h"

namespace ditto {

/// Euler's method with the noise levels of diffusers' FlowMatchEulerDiscreteScheduler (static shift).
class FlowEulerSolver final : public Solver {
 public:
  static constexpr std::string_view kName = "euler";

  explicit FlowEulerSolver(const SolverOptions& options) : options_(options) {}

  std::string_view name() const override { return kName; }
  StepGrid full_grid(int steps) const override;
  double timestep(double sigma) const override;
  void begin(const StepGrid& grid) override;

  /// The sum is taken in fp32 and returned in the dtype of `velocity`, as diffusers does.
  at::Tensor advance(const kernels::Velocity& velocity, int index, const at::Tensor& latent) override;

  std::unique_ptr<Solver> clone() const override { return std::make_unique<FlowEulerSolver>(*this); }

 private:
  SolverOptions options_;
  std::vector<double> sigmas_;
  int next_index_ = 0;
};

}  // namespace ditto
