#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/step_grid.h"
#include "kernels/solver_update.h"

namespace ditto {

/// An integrator of the flow equation dx/dsigma = v(x, sigma) from noise (sigma 1) to data (sigma 0), one run at a
/// time.
class Solver {
 public:
  virtual ~Solver() = default;

  /// The name `make_solver` knows it by.
  virtual std::string_view name() const = 0;

  /// The grid of a run with every step computed, in double precision; Error(kUsage) when `steps` is below 1.
  virtual StepGrid full_grid(int steps) const = 0;

  /// The timestep the network is told at a noise level.
  virtual double timestep(double sigma) const = 0;

  /// Starts a run and forgets any history; the grid may be a sub-grid of the full one or have moved noise levels.
  virtual void begin(const StepGrid& grid) = 0;

  /// Takes the latent entering step `index` to the one entering step `index + 1`; steps come in order, each once.
  /// `velocity` and `latent` have the same shape; neither is written to or kept.
  virtual at::Tensor advance(const kernels::Velocity& velocity, int index, const at::Tensor& latent) = 0;

  /// A copy that continues from the present state, independently of this one.
  virtual std::unique_ptr<Solver> clone() const = 0;
};

/// What a scheduler file or the command line sets.
struct SolverOptions {
  double shift = 1.0;                             ///< larger values spend more steps on noisy latents
  int train_timesteps = 1000;                     ///< the timestep that stands for sigma 1
  std::vector<int> steps_without_corrector = {};  ///< UniPC: steps whose result is not corrected afterwards
  KernelMode kernels = KernelMode::kAuto;         ///< how the updates are computed
};

/// The solver of that name; Error(kUsage) for an unknown name or an option out of range.
std::unique_ptr<Solver> make_solver(std::string_view name, const SolverOptions& options);

}  // namespace ditto
