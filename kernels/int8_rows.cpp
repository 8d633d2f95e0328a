#include "kernels/int8_rows.h"

#include <optional>

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include "kernels/host/matrices.h"
#include "kernels/host/run_kernel.h"
#include "kernels/reference/reference.h"

namespace ditto::kernels {
namespace {

constexpr Kernel<QuantiseArguments> kQuantise{"quantise", &CpuKernels::quantise, &CudaKernels::quantise};
constexpr Kernel<DequantiseArguments> kDequantise{"dequantise", &CpuKernels::dequantise, &CudaKernels::dequantise};

const float* pointer(const at::Tensor& vector) { return vector.defined() ? vector.const_data_ptr<float>() : nullptr; }

void check(const DequantisedSum& product, at::ScalarType dtype) {
  const at::Tensor& sums = product.sums;
  TORCH_CHECK(sums.scalar_type() == at::kInt && product.row_scales.numel() * sums.size(-1) == sums.numel() &&
                  product.column_scales.numel() == sums.size(-1),
              "dequantise: sums ", sums.scalar_type(), " ", sums.sizes(), ", scales ", product.row_scales.sizes(),
              " and ", product.column_scales.sizes());
  for (const at::Tensor& vector : {product.row_scales, product.column_scales, product.bias, product.gate}) {
    TORCH_CHECK(!vector.defined() || vector.scalar_type() == at::kFloat, "dequantise: parameters must be fp32");
  }
  for (const at::Tensor& vector : {product.bias, product.gate}) {
    TORCH_CHECK(!vector.defined() || vector.numel() == sums.size(-1), "dequantise: sums ", sums.sizes(),
                ", bias or gate ", vector.sizes());
  }
  TORCH_CHECK(!product.residual.defined() ||
                  (product.residual.sizes() == sums.sizes() && product.residual.scalar_type() == dtype),
              "dequantise: the residual must have the sizes of the sums and the dtype of the result");
  check_device("dequantise", sums,
               {product.row_scales, product.column_scales, product.bias, product.gate, product.residual});
}

}  // namespace

QuantisedRows quantise_rows(const at::Tensor& x, KernelMode mode) {
  const std::optional<ElementType> type = element_type(x);
  if (mode == KernelMode::kReference || !type) return reference::quantise_rows(x);
  const at::Tensor rows = as_matrix(x);
  QuantisedRows result{at::empty(x.sizes(), x.options().dtype(at::kChar)),
                       at::empty(x.sizes().slice(0, x.sizes().size() - 1), x.options().dtype(at::kFloat))};
  const MatrixView from = *matrix_view(rows), to = *matrix_view(result.values);
  const QuantiseArguments arguments{*type, from, to, from.columns, result.scales.mutable_data_ptr<float>()};
  run_rows(x.device(), kQuantise, arguments, from.rows);
  return result;
}

at::Tensor dequantise(const DequantisedSum& product, at::ScalarType dtype, KernelMode mode) {
  check(product, dtype);
  if (mode == KernelMode::kReference) return reference::dequantise(product, dtype);
  const at::Tensor out = at::empty(product.sums.sizes(), product.sums.options().dtype(dtype));
  const std::optional<ElementType> type = element_type(out);
  if (!type) return reference::dequantise(product, dtype);
  const DequantisedSum kept{near(product.sums), near(product.row_scales), near(product.column_scales),
                            near(product.bias), near(product.gate),       near(product.residual)};
  const MatrixView sums = *matrix_view(kept.sums), to = *matrix_view(out);
  DequantiseArguments arguments{.type = *type,
                                .sums = sums,
                                .row_scale = pointer(kept.row_scales),
                                .column_scale = pointer(kept.column_scales),
                                .bias = pointer(kept.bias),
                                .gate = pointer(kept.gate),
                                .residual = {},
                                .out = to,
                                .columns = sums.columns};
  if (kept.residual.defined()) arguments.residual = *matrix_view(kept.residual);
  run_rows(out.device(), kDequantise, arguments, sums.rows);
  return out;
}

}  // namespace ditto::kernels
