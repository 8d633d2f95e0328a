#pragma once

#include <optional>
#include <vector>

#include "solvers/solver.h"
#include "solvers/unipc_weights.h"

namespace ditto {

/// UniPC of order 2 (B(h) = e^h - 1) on flow noise levels, as diffusers' UniPCMultistepScheduler runs it for Wan:
/// a predictor from the last two data predictions, and a corrector that revises each predicted latent once the
/// prediction made from it is known. Latents are fp32.
class UniPcSolver final : public Solver {
 public:
  static constexpr std::string_view kName = "unipc";

  explicit UniPcSolver(const SolverOptions& options) : options_(options) {}

  std::string_view name() const override { return kName; }
  StepGrid full_grid(int steps) const override;
  double timestep(double sigma) const override;
  void begin(const StepGrid& grid) override;
  at::Tensor advance(const kernels::Velocity& velocity, int index, const at::Tensor& latent) override;
  std::unique_ptr<Solver> clone() const override { return std::make_unique<UniPcSolver>(*this); }

 private:
  int steps() const { return static_cast<int>(sigmas_.size()) - 1; }
  /// The noise level before a step's, if the order of its predictor reaches there.
  std::optional<double> before(int index) const;
  bool corrects_into(int index) const;

  SolverOptions options_;
  std::vector<double> sigmas_;
  int next_index_ = 0;
  int order_ = 0;  // of the predictor that made the latent entering the next step
  kernels::UniPcHistory history_;
};

}  // namespace ditto
