#include "kernels/blend.h"

#include <ATen/ops/add.h>
#include <ATen/ops/mul.h>
#include <c10/util/Exception.h>

namespace ditto::kernels {
namespace {

bool is_plain(std::span<const float> weights) { return weights.size() == 1 && weights.front() == 1.0F; }

/// The sum in fp32 (or in fp64 for fp64 terms).
at::Tensor wide_sum(std::span<const at::Tensor> terms, std::span<const float> weights) {
  const auto wide = [](const at::Tensor& tensor) {
    return tensor.scalar_type() == at::kDouble ? tensor : tensor.to(at::kFloat);
  };
  at::Tensor sum = at::mul(wide(terms.front()), weights.front());
  for (std::size_t k = 1; k < terms.size(); ++k) sum.add_(wide(terms[k]), weights[k]);
  return sum;
}

void check(std::span<const at::Tensor> terms, std::span<const float> weights) {
  TORCH_CHECK(!terms.empty() && terms.size() == weights.size(), "blend: ", terms.size(), " terms, ", weights.size(),
              " weights");
}

}  // namespace

at::Tensor weighted_sum(std::span<const at::Tensor> terms, std::span<const float> weights) {
  check(terms, weights);
  if (is_plain(weights)) return terms.front();
  return wide_sum(terms, weights).to(terms.front().scalar_type());
}

void add_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, std::span<const float> weights) {
  check(terms, weights);
  target.add_(is_plain(weights) ? terms.front() : wide_sum(terms, weights));
}

void assign_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, std::span<const float> weights) {
  check(terms, weights);
  target.copy_(is_plain(weights) ? terms.front() : wide_sum(terms, weights));
}

}  // namespace ditto::kernels
