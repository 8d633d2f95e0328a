#pragma once

#include <cstdint>

#include "kernels/arguments.h"

namespace ditto::kernels {

/// Vectors of heads, [rows, tokens, heads, width], the width in one piece.
struct ConstHeads {
  const void* data;
  std::int64_t row_stride, token_stride, head_stride;
};
struct Heads {
  void* data;
  std::int64_t row_stride, token_stride, head_stride;
};

inline constexpr int kMaxHeadWidth = 256;
/// fp32 numbers of one block of keys or values, and of the queries that meet it.
inline constexpr int kAttentionBlock = 16384, kAttentionQueries = 4 * kAttentionBlock;
inline constexpr int kAttentionScratch = 2 * kAttentionBlock + kAttentionQueries;

/// out = softmax(query * key' * scale) * value of every head.
struct AttentionArguments {
  ElementType type;
  ConstHeads query, key, value;
  Heads out;
  std::int64_t heads, queries, keys, width;
  float scale;
};

}  // namespace ditto::kernels
