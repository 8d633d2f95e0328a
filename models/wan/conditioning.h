#pragma once

#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"
#include "models/wan/run_context.h"
#include "models/wan/transformer_config.h"
#include "models/wan/transformer_weights.h"

namespace ditto {

/// Sinusoidal embedding of a timestep, fp32 [1, width]: cosines, then sines, of t * 10000^(-k / (width / 2)).
at::Tensor timestep_embedding(double timestep, std::int64_t width);

/// Time embedding, its projection and the modulations of every block and of the head at one timestep.
WanStepModulation modulate_step(const WanTransformerConfig& config, const WanTransformerWeights& weights,
                                double timestep, KernelMode mode);

/// Text embeddings [1, tokens, text_dim], one per branch, to the keys and values of every block's cross-attention.
std::vector<WanTextContext> project_text(const WanTransformerConfig& config, const WanTransformerWeights& weights,
                                         std::span<const at::Tensor> text, KernelMode mode);

}  // namespace ditto
