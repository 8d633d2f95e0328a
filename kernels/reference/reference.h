#pragma once

#include <ATen/core/Tensor.h>

/// The meaning of every kernel in plain, unfused ATen operations: works on every device and dtype, and is what the fast
/// forms are tested against. Arguments are those of the kernel of the same name.
namespace ditto::kernels::reference {

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool gelu_tanh);
at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value);
at::Tensor modulated_layer_norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, double epsilon);
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon);
at::Tensor rotate(const at::Tensor& x, const at::Tensor& rotation);
void gated_add_(const at::Tensor& target, const at::Tensor& x, const at::Tensor& gate);

}  // namespace ditto::kernels::reference
