#include "kernels/rms_norm_rope.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>
#include <c10/util/Exception.h>

#include "kernels/reference/reference.h"

namespace ditto::kernels {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon, KernelMode mode) {
  if (mode == KernelMode::kReference) return reference::rms_norm(x, weight, epsilon);
  return at::rms_norm(x, {x.size(-1)}, weight, epsilon);
}

at::Tensor rms_norm_rope(const at::Tensor& x, const at::Tensor& weight, double epsilon, const at::Tensor& rotation,
                         KernelMode mode) {
  TORCH_CHECK(rotation.scalar_type() == at::kComplexFloat, "rms_norm_rope: the rotation must be complex64");
  const std::int64_t width = 2 * rotation.size(-1), heads = x.size(-1) / width;
  const at::Tensor normal = rms_norm(x, weight, epsilon, mode).view({x.size(0), x.size(1), heads, width});
  if (mode == KernelMode::kReference) return reference::rotate(normal, rotation);
  const at::Tensor pairs = at::view_as_complex(normal.to(at::kFloat).view({x.size(0), x.size(1), heads, width / 2, 2}));
  return at::view_as_real(pairs * rotation).view(normal.sizes()).to(x.scalar_type());
}

}  // namespace ditto::kernels
