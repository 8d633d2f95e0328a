#pragma once

#include <ATen/core/Tensor.h>

namespace ditto {

/// How many tokens stand for all of them where features of several steps have to be held.
inline constexpr std::int64_t kSampledTokens = 1024;

/// At most kSampledTokens rows of [1, tokens, channels], evenly spread: [tokens, channels] in memory of its own.
at::Tensor sample_tokens(const at::Tensor& states);

/// The share of `tokens` that is held.
double sampled_share(std::int64_t tokens);

}  // namespace ditto
