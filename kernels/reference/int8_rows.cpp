#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/round.h>
#include <ATen/ops/where.h>

#include "kernels/reference/reference.h"

namespace ditto::kernels::reference {

QuantisedRows quantise_rows(const at::Tensor& x) {
  const at::Tensor wide = x.to(at::kFloat), largest = wide.abs().amax(-1);
  const at::Tensor scales = at::where(largest == 0, at::ones_like(largest), largest / 127);
  // NaN has no integer; its row is lost anyway, which the scale says.
  return {at::nan_to_num((wide / scales.unsqueeze(-1)).round(), 0, 0, 0).to(at::kChar), scales};
}

at::Tensor dequantise(const DequantisedSum& product, at::ScalarType dtype) {
  at::Tensor y = product.sums.to(at::kFloat) * product.row_scales.unsqueeze(-1) * product.column_scales;
  if (product.bias.defined()) y = y + product.bias;
  if (product.gate.defined()) y = y * product.gate;
  if (product.residual.defined()) y = y + product.residual.to(at::kFloat);
  return y.to(dtype);
}

}  // namespace ditto::kernels::reference
