#pragma once

#include <ATen/core/Tensor.h>

namespace ditto::kernels {

/// How much attention each key receives: the mean over heads and every `query_stride`-th query of
/// softmax(q k^T / sqrt(width)). query and key [rows, tokens, heads, width]; returns [rows, tokens] in fp32, each row
/// with the sum 1. Queries are taken in chunks: the full matrix of scores is never held.
at::Tensor received_attention(const at::Tensor& query, const at::Tensor& key, std::int64_t query_stride);

}  // namespace ditto::kernels
