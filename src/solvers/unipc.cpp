#include "solvers/unipc.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "solvers/flow_sigmas.h"

namespace ditto {
namespace {

// The log ratio of sigma 1 is infinite, so diffusers starts this much below.
constexpr double kDistanceFromOne = 1e-6;

double below_one(double sigma) { return std::abs(sigma - 1) < kDistanceFromOne ? sigma - kDistanceFromOne : sigma; }

}  // namespace

StepGrid UniPcSolver::full_grid(int steps) const {
  require_steps(steps);
  std::vector<double> sigmas = linear_spacing(1, 1.0 / options_.train_timesteps, steps + 1);
  sigmas.pop_back();
  for (double& sigma : sigmas) sigma = shift_sigma(sigma, options_.shift);
  sigmas.front() = below_one(sigmas.front());
  return grid_of(std::move(sigmas));
}

double UniPcSolver::timestep(double sigma) const { return std::trunc(sigma * options_.train_timesteps); }

void UniPcSolver::begin(const StepGrid& grid) {
  StepGrid started = grid;
  if (!started.sigmas.empty() && started.sigmas.front() >= 1) started.sigmas.front() = 1 - kDistanceFromOne;
  sigmas_ = stored_sigmas(started);
  next_index_ = 0;
  order_ = 0;
  history_ = {};
}

std::optional<double> UniPcSolver::before(int index) const {
  return order_ == 2 ? std::optional(sigmas_[index - 1]) : std::nullopt;
}

bool UniPcSolver::corrects_into(int index) const {
  const auto& without = options_.steps_without_corrector;
  return index > 0 && std::find(without.begin(), without.end(), index - 1) == without.end();
}

at::Tensor UniPcSolver::advance(const kernels::Velocity& velocity, int index, const at::Tensor& latent) {
  TORCH_CHECK(index == next_index_ && index < steps(), "unipc expected step ", next_index_, " of ", steps(), ", got ",
              index);
  std::optional<UniPcWeights> corrector;
  if (corrects_into(index)) corrector = unipc_corrector(sigmas_[index - 1], sigmas_[index], before(index - 1));
  // The first step has no history and the last is of first order.
  order_ = std::min({2, steps() - index, index + 1});
  const UniPcWeights predictor = unipc_predictor(sigmas_[index], sigmas_[index + 1], before(index));
  kernels::UniPcUpdate update =
      kernels::unipc_update(velocity, sigmas_[index], latent, history_, corrector, predictor, options_.kernels);
  history_ = std::move(update.history);
  ++next_index_;
  return update.latent;
}

}  // namespace ditto
