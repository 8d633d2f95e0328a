#include "kernels/modulated_layer_norm.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include "kernels/host/matrices.h"
#include "kernels/host/run_kernel.h"
#include "kernels/reference/reference.h"

namespace ditto::kernels {
namespace {

constexpr Kernel<LayerNormArguments> kLayerNorm{"layer norm", &CpuKernels::layer_norm, &CudaKernels::layer_norm};

at::Tensor compiled(ElementType type, const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
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
  run_rows(x.device(), kLayerNorm, arguments, from.rows);
  return out;
}

}  // namespace

at::Tensor modulated_layer_norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, double epsilon,
                                KernelMode mode) {
  TORCH_CHECK(scale.scalar_type() == at::kFloat && shift.scalar_type() == at::kFloat,
              "modulated_layer_norm: scale and shift must be fp32");
  TORCH_CHECK(scale.numel() == x.size(-1) && shift.numel() == x.size(-1), "modulated_layer_norm: x ", x.sizes(),
              ", scale ", scale.sizes(), ", shift ", shift.sizes());
  check_device("modulated_layer_norm", x, {scale, shift});
  if (mode == KernelMode::kAuto) {
    if (const auto type = element_type(x)) return compiled(*type, x, scale, shift, epsilon);
  }
  return reference::modulated_layer_norm(x, scale, shift, epsilon);
}

}  // namespace ditto::kernels
