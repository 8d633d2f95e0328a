#include "models/wan/conditioning.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/sin.h>

#include "kernels/rms_norm_rope.h"

namespace ditto {
namespace {

constexpr double kLongestPeriod = 10000;

/// Rows of a table [6, width] as the modulation of a block; the order is diffusers'.
WanBlockModulation block_modulation(const at::Tensor& table) {
  return {.attention_shift = table[0],
          .attention_scale = table[1],
          .attention_gate = table[2],
          .feed_forward_shift = table[3],
          .feed_forward_scale = table[4],
          .feed_forward_gate = table[5]};
}

}  // namespace

at::Tensor timestep_embedding(double timestep, std::int64_t width) {
  const std::int64_t half = width / 2;
  // In fp32 and in this order, as diffusers' get_timestep_embedding does.
  const at::Tensor exponents = at::arange(half, at::kFloat) * -std::log(kLongestPeriod) / static_cast<double>(half);
  const at::Tensor angles = at::exp(exponents) * timestep;
  return at::cat({at::cos(angles), at::sin(angles)}).unsqueeze(0);
}

WanStepModulation modulate_step(const WanTransformerConfig& config, const WanTransformerWeights& weights,
                                double timestep, KernelMode mode) {
  const at::Tensor sinusoid = timestep_embedding(timestep, config.freq_dim).to(weights.time_in.weight.device());
  const at::Tensor hidden = at::silu(weights.time_in.forward(sinusoid, mode));
  WanStepModulation step;
  step.time_embedding = weights.time_out.forward(hidden, mode).to(weights.time_projection.weight.scalar_type());
  step.time_projection =
      weights.time_projection.forward(at::silu(step.time_embedding), mode).view({1, 6, config.width()});

  const at::Tensor tables = weights.block_tables + step.time_projection.to(at::kFloat);
  tables.select(1, 1).add_(1);
  tables.select(1, 4).add_(1);
  for (std::int64_t block = 0; block < config.num_layers; ++block) {
    step.blocks.push_back(block_modulation(tables[block]));
  }
  const at::Tensor head = weights.head_table + step.time_embedding.to(at::kFloat);
  step.head_shift = head[0];
  step.head_scale = head[1].add_(1);
  return step;
}

std::vector<WanTextContext> project_text(const WanTransformerConfig& config, const WanTransformerWeights& weights,
                                         std::span<const at::Tensor> text, KernelMode mode) {
  const at::Tensor& weight = weights.text_in.weight;
  const at::Tensor embeddings =
      at::cat(at::TensorList(text.data(), text.size())).to(weight.device(), weight.scalar_type());
  const at::Tensor tokens =
      weights.text_out.forward(weights.text_in.forward(embeddings, mode, kernels::Activation::kGeluTanh), mode);
  const std::vector<std::int64_t> by_head{tokens.size(0), tokens.size(1), config.num_attention_heads,
                                          config.attention_head_dim};
  std::vector<WanTextContext> blocks;
  for (const WanBlockWeights& block : weights.blocks) {
    const WanAttentionWeights& attention = block.cross_attention;
    const at::Tensor keys = attention.key.forward(tokens, mode);
    blocks.push_back({kernels::rms_norm(keys, attention.key_norm, config.eps, mode).view(by_head),
                      attention.value.forward(tokens, mode).view(by_head)});
  }
  return blocks;
}

}  // namespace ditto
