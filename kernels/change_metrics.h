#pragma once

#include <span>

#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"

namespace ditto::kernels {

/// Two tensors of equal sizes, one read of each for all that is asked. Sums are made of ordered partials of a fixed
/// length, so that they do not depend on the number of threads; elements are compared in fp32.
struct TensorPair {
  at::Tensor now, before;
};

/// Sums of |now - before| and of |before| of every pair, fp64 [pairs, 2] on their device: nothing waits for it.
at::Tensor l1_sums(std::span<const TensorPair> pairs, KernelMode mode = KernelMode::kAuto);

/// The two sums of one pair.
struct L1Change {
  double difference = 0;
  double before = 0;
};
L1Change l1_change(const at::Tensor& now, const at::Tensor& before, KernelMode mode = KernelMode::kAuto);

/// Cosine of the angle between two tensors, NaN when one is zero.
double cosine_similarity(const at::Tensor& now, const at::Tensor& before, KernelMode mode = KernelMode::kAuto);

/// Mean of (now - before)^2.
double mean_squared_error(const at::Tensor& now, const at::Tensor& before, KernelMode mode = KernelMode::kAuto);

}  // namespace ditto::kernels
