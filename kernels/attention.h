#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"

namespace ditto::kernels {

/// softmax(q k^T / sqrt(width)) v over all keys, without a mask. query [rows, tokens, heads, width]; key and value
/// [rows, keys, heads, width]; the last axis is contiguous. Returns [rows, tokens, heads * width], contiguous.
at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, KernelMode mode);

}  // namespace ditto::kernels
