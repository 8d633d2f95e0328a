#include "solvers/unipc.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <span>

#include "kernels/blend.h"
#include "solvers/flow_sigmas.h"

namespace ditto {
namespace {

// The log ratio of sigma 1 is infinite, so diffusers starts this much below.
constexpr double kDistanceFromOne = 1e-6;

double below_one(double sigma) { return std::abs(sigma - 1) < kDistanceFromOne ? sigma - kDistanceFromOne : sigma; }

/// Sum of weights[k] * terms[k], in one pass.
at::Tensor sum_of(std::initializer_list<at::Tensor> terms, std::initializer_list<double> weights) {
  std::array<float, 4> rounded{};
  std::ranges::transform(weights, rounded.begin(), [](double weight) { return static_cast<float>(weight); });
  return kernels::weighted_sum({terms.begin(), terms.size()}, {std::span(rounded).first(weights.size())});
}

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
  latent_ = current_ = previous_ = at::Tensor();
}

bool UniPcSolver::corrects_into(int index) const {
  const auto& without = options_.steps_without_corrector;
  return index > 0 && std::find(without.begin(), without.end(), index - 1) == without.end();
}

at::Tensor UniPcSolver::corrected(int index, const at::Tensor& fresh) const {
  const std::optional<double> before = order_ == 2 ? std::optional(sigmas_[index - 2]) : std::nullopt;
  const UniPcWeights weights = unipc_corrector(sigmas_[index - 1], sigmas_[index], before);
  if (!before) return sum_of({latent_, current_, fresh}, {weights.latent, weights.current, weights.fresh});
  return sum_of({latent_, current_, fresh, previous_},
                {weights.latent, weights.current, weights.fresh, weights.previous});
}

at::Tensor UniPcSolver::advance(const at::Tensor& velocity, int index, const at::Tensor& latent) {
  TORCH_CHECK(index == next_index_ && index < steps(), "unipc expected step ", next_index_, " of ", steps(), ", got ",
              index);
  TORCH_CHECK(velocity.sizes() == latent.sizes(), "velocity and latent differ in shape");
  const at::Tensor fresh = latent.to(at::kFloat).sub(scaled_velocity(sigmas_[index], velocity));
  // What is kept is never the caller's tensor, which may be overwritten before the next step.
  const at::Tensor start =
      corrects_into(index) ? corrected(index, fresh) : latent.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  previous_ = current_;
  current_ = fresh;
  latent_ = start;
  ++next_index_;

  // The first step has no history and the last is of first order.
  order_ = std::min({2, steps() - index, index + 1});
  const std::optional<double> before = order_ == 2 ? std::optional(sigmas_[index - 1]) : std::nullopt;
  const UniPcWeights weights = unipc_predictor(sigmas_[index], sigmas_[index + 1], before);
  if (weights.latent == 0) return current_.clone();
  if (!before) return sum_of({latent_, current_}, {weights.latent, weights.current});
  return sum_of({latent_, current_, previous_}, {weights.latent, weights.current, weights.previous});
}

}  // namespace ditto
