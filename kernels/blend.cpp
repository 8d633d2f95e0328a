#include "kernels/blend.h"

#include <vector>

#include <ATen/ops/add.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

namespace ditto::kernels {
namespace {

bool is_plain(const BlendWeights& weights) {
  return !weights.cluster_of_channel.defined() && weights.values.size() == 1 && weights.values.front() == 1.0F;
}

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

at::Tensor clustered_sum(std::span<const at::Tensor> terms, const BlendWeights& weights) {
  const std::vector<at::Tensor> by_channel = channel_weights(weights, terms.size(), wide(terms.front()));
  at::Tensor sum = at::mul(wide(terms.front()), by_channel.front());
  for (std::size_t k = 1; k < terms.size(); ++k) sum.addcmul_(wide(terms[k]), by_channel[k]);
  return sum;
}

/// The sum in fp32 (or in fp64 for fp64 terms).
at::Tensor wide_sum(std::span<const at::Tensor> terms, const BlendWeights& weights) {
  if (weights.cluster_of_channel.defined()) return clustered_sum(terms, weights);
  at::Tensor sum = at::mul(wide(terms.front()), weights.values.front());
  for (std::size_t k = 1; k < terms.size(); ++k) sum.add_(wide(terms[k]), weights.values[k]);
  return sum;
}

void check(std::span<const at::Tensor> terms, const BlendWeights& weights) {
  const std::size_t values = weights.values.size();
  const bool fits = !terms.empty() && (weights.cluster_of_channel.defined() ? values > 0 && values % terms.size() == 0
                                                                            : values == terms.size());
  TORCH_CHECK(fits, "blend: ", terms.size(), " terms, ", values, " weights");
}

}  // namespace

at::Tensor weighted_sum(std::span<const at::Tensor> terms, const BlendWeights& weights) {
  check(terms, weights);
  if (is_plain(weights)) return terms.front();
  return wide_sum(terms, weights).to(terms.front().scalar_type());
}

void add_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, const BlendWeights& weights) {
  check(terms, weights);
  target.add_(is_plain(weights) ? terms.front() : wide_sum(terms, weights));
}

void assign_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, const BlendWeights& weights) {
  check(terms, weights);
  target.copy_(is_plain(weights) ? terms.front() : wide_sum(terms, weights));
}

}  // namespace ditto::kernels
