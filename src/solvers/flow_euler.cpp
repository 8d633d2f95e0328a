#include "solvers/flow_euler.h"

#include "solvers/flow_sigmas.h"

namespace ditto {

StepGrid FlowEulerSolver::full_grid(int steps) const {
  require_steps(steps);
  // The range of the training noise levels is shifted, in fp32, and every level within it again: diffusers' rule.
  const double count = options_.train_timesteps;
  const auto trained = [this](float sigma) {
    const float shift = static_cast<float>(options_.shift);
    return static_cast<double>(shift * sigma / (1 + static_cast<float>(options_.shift - 1) * sigma));
  };
  std::vector<double> sigmas =
      linear_spacing(trained(1) * count, trained(1 / static_cast<float>(count)) * count, steps);
  for (double& sigma : sigmas) sigma = shift_sigma(sigma / count, options_.shift);
  return grid_of(std::move(sigmas));
}

double FlowEulerSolver::timestep(double sigma) const {
  return static_cast<float>(sigma) * static_cast<float>(options_.train_timesteps);
}

void FlowEulerSolver::begin(const StepGrid& grid) {
  sigmas_ = stored_sigmas(grid);
  next_index_ = 0;
}

at::Tensor FlowEulerSolver::advance(const kernels::Velocity& velocity, int index, const at::Tensor& latent) {
  TORCH_CHECK(index == next_index_ && index + 1 < static_cast<int>(sigmas_.size()), "euler expected step ", next_index_,
              " of ", static_cast<int>(sigmas_.size()) - 1, ", got ", index);
  const double step = static_cast<float>(sigmas_[index + 1]) - static_cast<float>(sigmas_[index]);
  const at::Tensor next = kernels::euler_update(velocity, step, latent, options_.kernels);
  ++next_index_;
  return next;
}

}  // namespace ditto
