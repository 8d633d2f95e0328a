#pragma once

#include <ATen/core/Tensor.h>

namespace ditto::kernels {

/// The tokens of x [rows, tokens, channels] that `index` (int64 [count]) names, [rows, count, channels]. ATen's own
/// form: it copies whole rows.
at::Tensor gather_rows(const at::Tensor& x, const at::Tensor& index);

/// target's tokens `index` become those of x [rows, count, channels], in place; every index once.
void scatter_rows_(const at::Tensor& target, const at::Tensor& x, const at::Tensor& index);

}  // namespace ditto::kernels
