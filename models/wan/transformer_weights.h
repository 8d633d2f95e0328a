#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include "io/weights.h"
#include "kernels/linear.h"
#include "models/wan/transformer_config.h"

namespace ditto {

/// Projections of one attention and the weights of the RMS norms of its queries and keys.
struct WanAttentionWeights {
  kernels::Linear query, key, value, output;
  at::Tensor query_norm, key_norm;
};

struct WanBlockWeights {
  WanAttentionWeights self_attention;
  WanAttentionWeights cross_attention;
  at::Tensor cross_norm_weight, cross_norm_bias;  ///< fp32; undefined when the model has no such norm
  kernels::Linear feed_forward_in, feed_forward_out;
};

/// All parameters of the transformer. As diffusers does, the time embedder, the tables and the cross-attention norms
/// stay fp32 whatever the compute dtype.
struct WanTransformerWeights {
  kernels::Linear patch_embedding;  ///< [width, channels * patch elements]: the convolution as a linear layer
  kernels::Linear time_in, time_out;
  kernels::Linear time_projection;
  kernels::Linear text_in, text_out;
  std::vector<WanBlockWeights> blocks;
  at::Tensor block_tables;  ///< fp32 [blocks, 6, width]
  at::Tensor head_table;    ///< fp32 [2, width]
  kernels::Linear head;
  std::int64_t bytes = 0;
};

/// Takes every tensor by its diffusers name; the caller calls `WeightSet::finish`.
WanTransformerWeights take_transformer_weights(const WanTransformerConfig& config, WeightSet& weights,
                                               c10::ScalarType dtype, c10::Device device);

}  // namespace ditto
