#include "kernels/rms_norm_rope.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>
#include <c10/util/Exception.h>

#include "kernels/host/matrices.h"
#include "kernels/host/run_kernel.h"
#include "kernels/reference/reference.h"

namespace ditto::kernels {
namespace {

constexpr Kernel<RmsNormArguments> kRmsNorm{"RMS norm", &CpuKernels::rms_norm, &CudaKernels::rms_norm};

/// A weight that the compiled kernels read without rounding it, or one of the type of x.
at::Tensor near(const at::Tensor& weight, at::ScalarType type) {
  return (weight.scalar_type() == at::kFloat ? weight : weight.to(type)).contiguous();
}

/// Without rotation when that is undefined.
at::Tensor compiled(ElementType type, const at::Tensor& x, const at::Tensor& weight, double epsilon,
                    const at::Tensor& rotation) {
  check_device("rms_norm", x, {weight, rotation});
  const at::Tensor rows = as_matrix(x), near_weight = near(weight, x.scalar_type());
  const at::Tensor near_rotation = rotation.defined() ? at::view_as_real(rotation.contiguous()) : rotation;
  const bool is_wide = near_weight.scalar_type() == at::kFloat;
  at::Tensor out = at::empty(x.sizes(), x.options());
  const MatrixView from = *matrix_view(rows), to = *matrix_view(out);
  RmsNormArguments arguments{.type = type,
                             .x = from,
                             .out = to,
                             .columns = from.columns,
                             .weight = is_wide ? nullptr : near_weight.const_data_ptr(),
                             .epsilon = static_cast<float>(epsilon),
                             .rotation = nullptr,
                             .period = 1,
                             .width = from.columns,
                             .wide_weight = is_wide ? near_weight.const_data_ptr<float>() : nullptr};
  if (rotation.defined()) {
    arguments.rotation = near_rotation.const_data_ptr<float>();
    arguments.period = rotation.size(0);
    arguments.width = 2 * rotation.size(-1);
  }
  run_rows(x.device(), kRmsNorm, arguments, from.rows);
  return out;
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double epsilon, KernelMode mode) {
  TORCH_CHECK(weight.numel() == x.size(-1), "rms_norm: x ", x.sizes(), ", weight ", weight.sizes());
  if (mode == KernelMode::kReference) return reference::rms_norm(x, weight, epsilon);
  if (const auto type = element_type(x)) return compiled(*type, x, weight, epsilon, {});
  return at::rms_norm(x, {x.size(-1)}, weight, epsilon);
}

at::Tensor rms_norm_rope(const at::Tensor& x, const at::Tensor& weight, double epsilon, const at::Tensor& rotation,
                         KernelMode mode) {
  TORCH_CHECK(rotation.scalar_type() == at::kComplexFloat, "rms_norm_rope: the rotation must be complex64");
  const std::int64_t width = 2 * rotation.size(-1), heads = x.size(-1) / width;
  TORCH_CHECK(x.dim() == 3 && rotation.size(0) == x.size(1) && rotation.numel() * 2 == x.size(1) * width &&
                  heads * width == x.size(2) && weight.numel() == x.size(2),
              "rms_norm_rope: x ", x.sizes(), ", weight ", weight.sizes(), ", rotation ", rotation.sizes());
  const c10::IntArrayRef sizes = x.sizes();
  if (mode == KernelMode::kAuto) {
    if (const auto type = element_type(x)) {
      return compiled(*type, x, weight, epsilon, rotation).view({sizes[0], sizes[1], heads, width});
    }
  }
  const at::Tensor normal = rms_norm(x, weight, epsilon, mode).view({sizes[0], sizes[1], heads, width});
  if (mode == KernelMode::kReference) return reference::rotate(normal, rotation);
  const at::Tensor pairs = at::view_as_complex(normal.to(at::kFloat).view({sizes[0], sizes[1], heads, width / 2, 2}));
  return at::view_as_real(pairs * rotation).view(normal.sizes()).to(x.scalar_type());
}

}  // namespace ditto::kernels
