#include <ATen/TensorOperators.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/view_as_real.h>

#include "kernels/reference/reference.h"

namespace ditto::kernels::reference {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor scale = at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + epsilon);
  return (wide * scale * weight.to(at::kFloat)).to(x.scalar_type());
}

at::Tensor rotate(const at::Tensor& x, const at::Tensor& rotation) {
  const at::Tensor angles = at::view_as_real(rotation);
  const at::Tensor cosine = angles.select(-1, 0), sine = angles.select(-1, 1);
  const at::Tensor pairs = x.to(at::kFloat).unflatten(-1, {-1, 2});
  const at::Tensor even = pairs.select(-1, 0), odd = pairs.select(-1, 1);
  const at::Tensor rotated = at::stack({even * cosine - odd * sine, even * sine + odd * cosine}, -1);
  return rotated.flatten(-2).to(x.scalar_type());
}

}  // namespace ditto::kernels::reference
