#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"

namespace ditto::kernels {

/// LayerNorm(x) * scale + shift over the last axis, computed in fp32, returned in the dtype of x. `scale` and `shift`
/// are fp32 [channels]; for an adaptive norm the caller passes 1 + its scale.
at::Tensor modulated_layer_norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, double epsilon,
                                KernelMode mode);

}  // namespace ditto::kernels
