#include "kernels/modulated_layer_norm.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/layer_norm.h>
#include <c10/util/Exception.h>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/host/matrices.h"
#include "kernels/host/parallel.h"
#include "kernels/reference/reference.h"

namespace ditto::kernels {
namespace {

at::Tensor on_cpu(ElementType type, const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
                  double epsilon) {
  const at::Tensor rows = as_matrix(x), near_scale = scale.contiguous(), near_shift = shift.contiguous();
  at::Tensor out = at::empty(x.sizes(), x.options());
  const MatrixView from = *matrix_view(rows), to = *matrix_view(out);
  const LayerNormArguments arguments{type,
                                     from,
                                     to,
                                     from.columns,
                                     near_scale.const_data_ptr<float>(),
                                     near_shift.const_data_ptr<float>(),
                                     static_cast<float>(epsilon)};
  const auto layer_norm = cpu_kernels().layer_norm;
  parallel_rows(from.rows, from.columns,
                [&](std::int64_t first, std::int64_t last) { layer_norm(arguments, first, last); });
  return out;
}

}  // namespace

at::Tensor modulated_layer_norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, double epsilon,
                                KernelMode mode) {
  TORCH_CHECK(scale.scalar_type() == at::kFloat && shift.scalar_type() == at::kFloat,
              "modulated_layer_norm: scale and shift must be fp32");
  TORCH_CHECK(scale.numel() == x.size(-1) && shift.numel() == x.size(-1), "modulated_layer_norm: x ", x.sizes(),
              ", scale ", scale.sizes(), ", shift ", shift.sizes());
  if (mode == KernelMode::kAuto) {
    if (const auto type = element_type(x)) return on_cpu(*type, x, scale, shift, epsilon);
    // Off the CPU only 32-bit inputs go with fp32 weights.
    if (x.scalar_type() == at::kFloat) return at::layer_norm(x, {x.size(-1)}, scale, shift, epsilon);
  }
  return reference::modulated_layer_norm(x, scale, shift, epsilon);
}

}  // namespace ditto::kernels
