#pragma once

#include <ATen/SDPBackend.h>
#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"

namespace ditto::kernels {

/// softmax(q k^T / sqrt(width)) v over all keys, without a mask. query [rows, tokens, heads, width]; key and value
/// [rows, keys, heads, width]; the last axis is contiguous. Returns [rows, tokens, heads * width], contiguous. On a GPU
/// it throws c10::Error where LibTorch has no fused form.
at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, KernelMode mode);

/// Throws c10::Error, with sizes and dtype, unless LibTorch's choice is a fused form (flash, cuDNN or
/// memory-efficient). The unfused one holds all scores at once, which for a large clip no memory does.
void require_fused_attention(at::SDPBackend choice, const at::Tensor& query, const at::Tensor& key);

}  // namespace ditto::kernels
