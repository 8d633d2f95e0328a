#pragma once

#include <array>
#include <cstdint>

#include <ATen/core/Tensor.h>

#include "models/wan/transformer_config.h"

namespace ditto {

/// Tokens per axis (frames, height, width) of a latent [1, channels, frames, height, width]. Its sizes must be
/// multiples of the patch and its tokens fit the rotary table.
std::array<std::int64_t, 3> token_grid(const WanTransformerConfig& config, at::IntArrayRef latent_sizes);

/// Latent [rows, channels, frames, height, width] to [rows, tokens, channels * patch elements]: what the patch
/// convolution sees at each token, in the order of its weight.
at::Tensor to_patches(const WanTransformerConfig& config, const at::Tensor& latent);

/// Output of the head [rows, tokens, patch elements * channels] to a prediction [rows, channels, frames, height,
/// width]. Here channels are the fastest axis within a token.
at::Tensor from_patches(const WanTransformerConfig& config, const at::Tensor& tokens,
                        const std::array<std::int64_t, 3>& grid);

}  // namespace ditto
