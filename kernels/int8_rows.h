#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"

namespace ditto::kernels {

/// int8 values in the sizes of what was quantised, and one fp32 scale for each row of the last axis.
struct QuantisedRows {
  at::Tensor values;
  at::Tensor scales;
};

/// Symmetric: scale = max|x| / 127 of the row (1 for a row of zeros), value = round(x / scale), ties to even. A row
/// with NaN has a scale of NaN.
QuantisedRows quantise_rows(const at::Tensor& x, KernelMode mode);

/// What follows an int8 matrix product: residual + gate * (sums * row_scales * column_scales + bias) in `dtype`. sums
/// int32 [..., channels], row_scales fp32 of its leading sizes, the others fp32 [channels]; undefined bias, gate and
/// residual (in `dtype`, of the sizes of sums) are left out.
struct DequantisedSum {
  at::Tensor sums, row_scales, column_scales, bias = {}, gate = {}, residual = {};
};
at::Tensor dequantise(const DequantisedSum& product, at::ScalarType dtype, KernelMode mode);

}  // namespace ditto::kernels
