#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include "kernels/reference/reference.h"

namespace ditto::kernels::reference {

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool gelu_tanh) {
  const at::Tensor y = at::linear(x, weight, bias);
  return gelu_tanh ? at::gelu(y, "tanh") : y;
}

}  // namespace ditto::kernels::reference
