#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"

namespace ditto::kernels {

/// target += x * gate in place, computed in fp32 and rounded once. target and x [rows, tokens, channels] of one dtype,
/// gate fp32 [channels].
void gated_add_(const at::Tensor& target, const at::Tensor& x, const at::Tensor& gate, KernelMode mode);

}  // namespace ditto::kernels
