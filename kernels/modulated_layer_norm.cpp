#include "kernels/modulated_layer_norm.h"

#include <ATen/ops/layer_norm.h>
#include <c10/util/Exception.h>

#include "kernels/reference/reference.h"

namespace ditto::kernels {

at::Tensor modulated_layer_norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, double epsilon,
                                KernelMode mode) {
  TORCH_CHECK(scale.scalar_type() == at::kFloat && shift.scalar_type() == at::kFloat,
              "modulated_layer_norm: scale and shift must be fp32");
  // Only the CPU's layer_norm takes 16-bit inputs with fp32 weights.
  const bool fused = x.is_cpu() || x.scalar_type() == at::kFloat;
  if (mode == KernelMode::kReference || !fused) return reference::modulated_layer_norm(x, scale, shift, epsilon);
  return at::layer_norm(x, {x.size(-1)}, scale, shift, epsilon);
}

}  // namespace ditto::kernels
