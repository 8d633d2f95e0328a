#include "kernels/solver_update.h"

#include <initializer_list>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/scalar_tensor.h>

#include "kernels/reference/reference.h"

namespace ditto::kernels::reference {
namespace {

at::Tensor scaled(double factor, const Velocity& velocity) {
  return at::mul(at::scalar_tensor(factor, at::kFloat), reference::guided(velocity));
}

struct Term {
  at::Tensor tensor;
  double weight;
};

/// Of the terms that have a weight.
at::Tensor sum_of(std::initializer_list<Term> all) {
  std::vector<at::Tensor> terms;
  std::vector<float> weights;
  for (const Term& term : all) {
    if (term.weight == 0) continue;
    terms.push_back(term.tensor);
    weights.push_back(static_cast<float>(term.weight));
  }
  return wide_weighted_sum(terms, {weights});
}

}  // namespace

at::Tensor guided(const Velocity& velocity) {
  if (!velocity.unconditional.defined()) return velocity.conditional;
  return velocity.unconditional + velocity.guidance * (velocity.conditional - velocity.unconditional);
}

at::Tensor euler_update(const Velocity& velocity, double factor, const at::Tensor& latent) {
  const at::Tensor change = scaled(factor, velocity);
  return change.to(at::kFloat).add_(latent.to(at::kFloat)).to(change.scalar_type());
}

UniPcUpdate unipc_update(const Velocity& velocity, double sigma, const at::Tensor& latent, const UniPcHistory& history,
                         const std::optional<UniPcWeights>& corrector, const UniPcWeights& predictor) {
  const at::Tensor fresh = latent.to(at::kFloat).sub(scaled(sigma, velocity));
  // What is kept is never the caller's tensor, which may be overwritten before the next step.
  const at::Tensor start = corrector ? sum_of({{history.latent, corrector->latent},
                                               {history.current, corrector->current},
                                               {fresh, corrector->fresh},
                                               {history.previous, corrector->previous}})
                                     : latent.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  const at::Tensor next =
      sum_of({{start, predictor.latent}, {fresh, predictor.current}, {history.current, predictor.previous}});
  return {{start, fresh, history.current}, next};
}

}  // namespace ditto::kernels::reference
