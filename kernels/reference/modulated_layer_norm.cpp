#include <ATen/TensorOperators.h>
#include <ATen/ops/layer_norm.h>

#include "kernels/reference/reference.h"

namespace ditto::kernels::reference {

at::Tensor modulated_layer_norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, double epsilon) {
  const at::Tensor normal = at::layer_norm(x.to(at::kFloat), {x.size(-1)}, {}, {}, epsilon);
  return (normal * scale + shift).to(x.scalar_type());
}

}  // namespace ditto::kernels::reference
