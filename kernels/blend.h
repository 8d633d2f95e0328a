#pragma once

#include <span>

#include <ATen/core/Tensor.h>

namespace ditto::kernels {

/// Weights of a blend. values[k] is the weight of term k; with `cluster_of_channel` (int64 [channels], one cluster for
/// each entry of the terms' last axis) it is values[cluster * terms + k].
struct BlendWeights {
  std::span<const float> values;
  at::Tensor cluster_of_channel = {};
};

/// Sum of weights[k] * terms[k] in the terms' dtype, accumulated in fp32. One term of weight 1 is returned as it is,
/// without a copy. Terms have one shape; there is at least one.
at::Tensor weighted_sum(std::span<const at::Tensor> terms, const BlendWeights& weights);

/// target += weighted sum, in place; the addition is rounded once.
void add_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, const BlendWeights& weights);

/// target = weighted sum, in place.
void assign_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, const BlendWeights& weights);

}  // namespace ditto::kernels
