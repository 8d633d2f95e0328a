#pragma once

#include <span>

#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"

namespace ditto::kernels {

/// Weights of a blend. values[k] is the weight of term k; with `cluster_of_channel` (int32 [channels], one cluster for
/// each entry of the terms' last axis) it is values[cluster * terms + k].
struct BlendWeights {
  std::span<const float> values;
  at::Tensor cluster_of_channel = {};
};

/// Sum of weights[k] * terms[k] in the terms' dtype, accumulated in fp32. One term of weight 1 is returned as it is,
/// without a copy. Terms have one shape; there is at least one.
at::Tensor weighted_sum(std::span<const at::Tensor> terms, const BlendWeights& weights,
                        KernelMode mode = KernelMode::kAuto);

/// target += weighted sum, in place; the addition is rounded once.
void add_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, const BlendWeights& weights,
                       KernelMode mode = KernelMode::kAuto);

/// target += gate * (weighted sum + bias), in place and rounded once. bias and gate are fp32 [channels]; an undefined
/// bias stands for 0.
void gated_add_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, const BlendWeights& weights,
                             const at::Tensor& bias, const at::Tensor& gate, KernelMode mode = KernelMode::kAuto);

/// target = weighted sum, in place.
void assign_weighted_sum_(const at::Tensor& target, std::span<const at::Tensor> terms, const BlendWeights& weights,
                          KernelMode mode = KernelMode::kAuto);

}  // namespace ditto::kernels
