#include "models/wan/transformer_weights.h"

#include <string>
#include <utility>

#include <ATen/ops/empty.h>

#include <fmt/format.h>

namespace ditto {
namespace {

/// Takes tensors by name to their dtype and device, and adds up what they hold.
class Taker {
 public:
  Taker(WeightSet& weights, c10::ScalarType dtype, c10::Device device)
      : weights_(weights), dtype_(dtype), device_(device) {}

  at::Tensor take(const std::string& name, at::IntArrayRef shape, c10::ScalarType dtype) {
    at::Tensor tensor = weights_.take(name, shape, dtype);
    if (!device_.is_cpu()) {
      tensor = tensor.to(device_);
      weights_.release(name);
    }
    bytes_ += static_cast<std::int64_t>(tensor.nbytes());
    return tensor;
  }

  at::Tensor take(const std::string& name, at::IntArrayRef shape) { return take(name, shape, dtype_); }

  kernels::Linear linear(const std::string& name, std::int64_t out, std::int64_t in, c10::ScalarType dtype) {
    return {take(name + ".weight", {out, in}, dtype), take(name + ".bias", {out}, dtype)};
  }

  kernels::Linear linear(const std::string& name, std::int64_t out, std::int64_t in) {
    return linear(name, out, in, dtype_);
  }

  /// Small fp32 tables gathered in one tensor [count, ...], so that one operation serves all blocks.
  at::Tensor gather_tables(std::int64_t count, at::IntArrayRef shape, const auto& name_of) {
    std::vector<std::int64_t> sizes(shape.begin(), shape.end());
    sizes.front() = count;
    at::Tensor tables = at::empty(sizes, at::TensorOptions().dtype(at::kFloat).device(device_));
    for (std::int64_t i = 0; i < count; ++i) {
      const std::string name = name_of(i);
      tables.narrow(0, i, 1).copy_(weights_.take(name, shape));
      weights_.release(name);
    }
    bytes_ += static_cast<std::int64_t>(tables.nbytes());
    return tables;
  }

  std::int64_t bytes() const { return bytes_; }

 private:
  WeightSet& weights_;
  c10::ScalarType dtype_;
  c10::Device device_;
  std::int64_t bytes_ = 0;
};

WanAttentionWeights take_attention(Taker& taker, const std::string& name, std::int64_t width) {
  WanAttentionWeights attention;
  attention.query = taker.linear(name + ".to_q", width, width);
  attention.key = taker.linear(name + ".to_k", width, width);
  attention.value = taker.linear(name + ".to_v", width, width);
  attention.output = taker.linear(name + ".to_out.0", width, width);
  attention.query_norm = taker.take(name + ".norm_q.weight", {width});
  attention.key_norm = taker.take(name + ".norm_k.weight", {width});
  return attention;
}

WanBlockWeights take_block(Taker& taker, const WanTransformerConfig& config, const std::string& name) {
  const std::int64_t width = config.width();
  WanBlockWeights block;
  block.self_attention = take_attention(taker, name + ".attn1", width);
  block.cross_attention = take_attention(taker, name + ".attn2", width);
  if (config.cross_attn_norm) {
    block.cross_norm_weight = taker.take(name + ".norm2.weight", {width}, at::kFloat);
    block.cross_norm_bias = taker.take(name + ".norm2.bias", {width}, at::kFloat);
  }
  block.feed_forward_in = taker.linear(name + ".ffn.net.0.proj", config.ffn_dim, width);
  block.feed_forward_out = taker.linear(name + ".ffn.net.2", width, config.ffn_dim);
  return block;
}

}  // namespace

WanTransformerWeights take_transformer_weights(const WanTransformerConfig& config, WeightSet& source,
                                               c10::ScalarType dtype, c10::Device device) {
  Taker taker(source, dtype, device);
  const std::int64_t width = config.width();
  const auto& patch = config.patch_size;
  WanTransformerWeights weights;
  weights.patch_embedding = {
      taker.take("patch_embedding.weight", {width, config.in_channels, patch[0], patch[1], patch[2]}).flatten(1),
      taker.take("patch_embedding.bias", {width})};
  weights.time_in = taker.linear("condition_embedder.time_embedder.linear_1", width, config.freq_dim, at::kFloat);
  weights.time_out = taker.linear("condition_embedder.time_embedder.linear_2", width, width, at::kFloat);
  weights.time_projection = taker.linear("condition_embedder.time_proj", 6 * width, width);
  weights.text_in = taker.linear("condition_embedder.text_embedder.linear_1", width, config.text_dim);
  weights.text_out = taker.linear("condition_embedder.text_embedder.linear_2", width, width);
  for (std::int64_t i = 0; i < config.num_layers; ++i) {
    weights.blocks.push_back(take_block(taker, config, fmt::format("blocks.{}", i)));
  }
  weights.block_tables = taker.gather_tables(
      config.num_layers, {1, 6, width}, [](std::int64_t i) { return fmt::format("blocks.{}.scale_shift_table", i); });
  weights.head_table =
      taker.gather_tables(1, {1, 2, width}, [](std::int64_t) { return std::string("scale_shift_table"); })[0];
  weights.head = taker.linear("proj_out", config.out_channels * config.patch_elements(), width);
  weights.bytes = taker.bytes();
  return weights;
}

}  // namespace ditto
