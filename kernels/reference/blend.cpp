#include "kernels/blend.h"

#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/tensor.h>

#include "kernels/reference/reference.h"

namespace ditto::kernels::reference {
namespace {

at::Tensor wide(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kDouble ? tensor : tensor.to(at::kFloat);
}

/// Each cluster's weights looked up for the channels: [channels] by term.
std::vector<at::Tensor> channel_weights(const BlendWeights& weights, std::size_t terms, const at::Tensor& like) {
  const auto clusters = static_cast<std::int64_t>(weights.values.size() / terms);
  const at::Tensor table = at::tensor(at::ArrayRef<float>(weights.values.data(), weights.values.size()))
                               .view({clusters, static_cast<std::int64_t>(terms)})
                               .to(like.options());
  return table.index_select(0, weights.cluster_of_channel.to(like.device())).t().contiguous().unbind(0);
}

}  // namespace

at::Tensor wide_weighted_sum(std::span<const at::Tensor> terms, const BlendWeights& weights) {
  if (!weights.cluster_of_channel.defined()) {
    at::Tensor sum = at::mul(wide(terms.front()), weights.values.front());
    for (std::size_t k = 1; k < terms.size(); ++k) sum.add_(wide(terms[k]), weights.values[k]);
    return sum;
  }
  const std::vector<at::Tensor> by_channel = channel_weights(weights, terms.size(), wide(terms.front()));
  at::Tensor sum = at::mul(wide(terms.front()), by_channel.front());
  for (std::size_t k = 1; k < terms.size(); ++k) sum.addcmul_(wide(terms[k]), by_channel[k]);
  return sum;
}

void gated_add_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, const BlendWeights& weights,
                             const at::Tensor& bias, const at::Tensor& gate) {
  at::Tensor sum = wide_weighted_sum(terms, weights);
  if (bias.defined()) sum = sum + bias;
  target.add_(sum * gate);
}

}  // namespace ditto::kernels::reference
