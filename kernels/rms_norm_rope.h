#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"

namespace ditto::kernels {

/// x / sqrt(mean(x^2) + epsilon) * weight over the last axis, computed in fp32, rounded to the dtype of x.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon, KernelMode mode);

/// rms_norm of x [rows, tokens, heads * width] over all heads together, split into [rows, tokens, heads, width]; then
/// neighbouring channels (2j, 2j + 1) are rotated as complex numbers by rotation [tokens, 1, width / 2] (complex64),
/// computed in fp32.
at::Tensor rms_norm_rope(const at::Tensor& x, const at::Tensor& weight, double epsilon, const at::Tensor& rotation,
                         KernelMode mode);

}  // namespace ditto::kernels
