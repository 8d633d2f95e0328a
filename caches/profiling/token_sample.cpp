#include "caches/profiling/token_sample.h"

#include <algorithm>

#include <ATen/ops/arange.h>
#include <ATen/ops/index_select.h>

namespace ditto {

at::Tensor sample_tokens(const at::Tensor& states) {
  const at::Tensor rows = states.squeeze(0);
  const std::int64_t tokens = rows.size(0);
  if (tokens <= kSampledTokens) return rows.clone();
  const at::Tensor index = at::arange(kSampledTokens, rows.options().dtype(at::kLong));
  return rows.index_select(0, index.mul(tokens).floor_divide(kSampledTokens));
}

double sampled_share(std::int64_t tokens) {
  return static_cast<double>(std::min(tokens, kSampledTokens)) / static_cast<double>(tokens);
}

}  // namespace ditto
