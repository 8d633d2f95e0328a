#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <ATen/ops/_fused_sdp_choice.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>
#include <c10/core/DeviceGuard.h>
#include <c10/util/Exception.h>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/host/matrices.h"
#include "kernels/host/parallel.h"
#include "kernels/reference/reference.h"

namespace ditto::kernels {
namespace {

/// Scores of one chunk of queries are held at a time; about the size of a second-level cache.
constexpr std::int64_t kMaxScoreBytes = 1 << 20;
constexpr std::int64_t kMinChunkTokens = 64;

/// The compiled form, where there is one, beats LibTorch's fused one at every size, and a bf16 matrix of scores is not
/// faster at any.
bool prefers_compiled(const at::Tensor& query, const at::Tensor& key) {
  return query.is_cpu() && element_type(query) && cpu_kernels().attention != nullptr && query.numel() > 0 &&
         key.numel() > 0 && query.size(3) <= kMaxHeadWidth;
}

/// Without it, scores as a matrix beat LibTorch's fused form for bf16 inputs with many keys (a bf16 matrix product is
/// much faster than the fused kernel's) and for fp32 inputs with few keys (the fused kernel's blocks are then mostly
/// empty). fp16 has no fast matrix product on the CPU.
bool prefers_products(const at::Tensor& query, std::int64_t keys) {
  if (!query.is_cpu()) return false;
  if (query.scalar_type() == at::kBFloat16) return keys >= 64;
  return query.scalar_type() == at::kFloat && keys <= 32;
}

ConstHeads heads_of(const at::Tensor& x) { return {x.const_data_ptr(), x.stride(0), x.stride(1), x.stride(2)}; }

at::Tensor compiled_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  const std::int64_t rows = query.size(0), tokens = query.size(1), heads = query.size(2), width = query.size(3);
  at::Tensor mixed = at::empty({rows, tokens, heads * width}, query.options());
  const AttentionArguments arguments{.type = *element_type(query),
                                     .query = heads_of(query),
                                     .key = heads_of(key),
                                     .value = heads_of(value),
                                     .out = {mixed.data_ptr(), tokens * heads * width, heads * width, width},
                                     .heads = heads,
                                     .queries = tokens,
                                     .keys = key.size(1),
                                     .width = width,
                                     .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(width)))};
  parallel_rows(rows * heads * tokens, arguments.keys, [&](std::int64_t first, std::int64_t last) {
    const at::Tensor scratch = at::empty({kAttentionScratch}, at::kFloat);
    cpu_kernels().attention(arguments, first, last, scratch.data_ptr<float>());
  });
  return mixed;
}

/// [rows, tokens, heads, width] to [rows * heads, tokens, width].
at::Tensor by_head(const at::Tensor& x) { return x.transpose(1, 2).reshape({-1, x.size(1), x.size(3)}); }

at::Tensor attention_by_products(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  const std::int64_t tokens = query.size(1), heads = query.size(2), width = query.size(3),
                     batch = query.size(0) * heads;
  const at::Tensor q = by_head(query), k = by_head(key).transpose(1, 2), v = by_head(value);
  const double scale = 1 / std::sqrt(static_cast<double>(width));
  const auto row_bytes = batch * key.size(1) * static_cast<std::int64_t>(query.element_size());
  const std::int64_t chunk = std::clamp(kMaxScoreBytes / row_bytes, kMinChunkTokens, std::max(kMinChunkTokens, tokens));
  at::Tensor mixed = at::empty({query.size(0), tokens, heads, width}, query.options());
  const at::Tensor no_bias = at::empty({1, 1, 1}, query.options());  // ignored: beta is 0
  for (std::int64_t begin = 0; begin < tokens; begin += chunk) {
    const std::int64_t count = std::min(chunk, tokens - begin);
    const at::Tensor scores = at::baddbmm(no_bias, q.narrow(1, begin, count), k, /*beta=*/0, /*alpha=*/scale);
    const at::Tensor part = at::bmm(at::softmax(scores, -1), v);
    mixed.narrow(1, begin, count).copy_(part.view({query.size(0), heads, count, width}).transpose(1, 2));
  }
  return mixed.view({query.size(0), tokens, heads * width});
}

}  // namespace

at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, KernelMode mode) {
  TORCH_CHECK(query.dim() == 4 && key.sizes() == value.sizes() && query.size(0) == key.size(0) &&
                  query.size(2) == key.size(2) && query.size(3) == key.size(3),
              "attention: query ", query.sizes(), ", key ", key.sizes(), ", value ", value.sizes());
  if (mode == KernelMode::kReference) return reference::attention(query, key, value);
  if (prefers_compiled(query, key)) return compiled_attention(query, key, value);
  if (prefers_products(query, key.size(1))) return attention_by_products(query, key, value);
  const at::Tensor q = query.transpose(1, 2), k = key.transpose(1, 2), v = value.transpose(1, 2);
  // LibTorch asks the current GPU for what the tensors' one has to compute.
  const c10::OptionalDeviceGuard guard(query.is_cuda() ? std::optional(query.device()) : std::nullopt);
  if (query.is_cuda()) require_fused_attention(static_cast<at::SDPBackend>(at::_fused_sdp_choice(q, k, v)), query, key);
  return at::scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2);
}

void require_fused_attention(at::SDPBackend choice, const at::Tensor& query, const at::Tensor& key) {
  const bool fused = choice == at::SDPBackend::flash_attention || choice == at::SDPBackend::cudnn_attention ||
                     choice == at::SDPBackend::efficient_attention;
  TORCH_CHECK(fused, "attention: LibTorch has no fused form on ", query.device(), " for query ", query.sizes(),
              ", key ", key.sizes(), " in ", query.scalar_type(),
              "; it has one for fp16 and bf16 with heads of at most 256 channels, and for fp32 with a multiple of 4");
}

}  // namespace ditto::kernels
