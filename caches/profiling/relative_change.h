#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"

namespace ditto {

/// sum|now - before| / sum|before|, accumulated in double: 0 when nothing changed, infinity when there was nothing
/// before. Measured as `kernels` says.
double relative_l1(const at::Tensor& now, const at::Tensor& before, KernelMode kernels);

/// Mean over the rows of the last axis of |now| / |before| (Euclidean norms): 1 where both are zero, infinity where
/// only `before` is.
double mean_norm_ratio(const at::Tensor& now, const at::Tensor& before);

/// after - before in fp32.
at::Tensor difference_of(const at::Tensor& after, const at::Tensor& before);

/// A table of doubles that is NaN where nothing was entered.
at::Tensor unmeasured(at::IntArrayRef sizes);

}  // namespace ditto
