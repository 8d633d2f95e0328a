#include "models/wan/text_encoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/isinf.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Half.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "io/json_file.h"

namespace ditto {

namespace {

constexpr std::int64_t kLargestWidth = std::int64_t{1} << 20;
constexpr std::int64_t kLargestVocabulary = std::int64_t{1} << 24;

/// A config value that Ditto runs with one meaning only.
void require_choice(JsonReader& reader, std::string_view key, std::initializer_list<std::string> accepted) {
  const std::vector<std::string> choices(accepted);
  reader.choice(key, choices, choices.front());
}

void require_flag(JsonReader& reader, std::string_view key, bool expected) {
  if (reader.boolean(key, expected) != expected) {
    reader.fail(key, expected ? "is false" : "is true", expected ? "true" : "false");
  }
}

/// Takes weights by name in one dtype to one device.
class Taker {
 public:
  Taker(WeightSet& weights, c10::Device device) : weights_(weights), device_(device) {}

  at::Tensor take(const std::string& name, at::IntArrayRef shape, c10::ScalarType dtype) {
    at::Tensor tensor = weights_.take(name, shape, dtype);
    if (device_.is_cpu()) return tensor;
    at::Tensor moved = tensor.to(device_);
    weights_.release(name);
    return moved;
  }

 private:
  WeightSet& weights_;
  c10::Device device_;
};

/// RMS norm of T5: no mean, no bias, statistics in fp32, the product rounded to a 16-bit weight's dtype before the
/// weight is applied.
at::Tensor rms_norm(const at::Tensor& input, const at::Tensor& weight, double epsilon) {
  const at::Tensor variance = input.to(at::kFloat).pow(2).mean(-1, /*keepdim=*/true);
  at::Tensor normalised = input * at::rsqrt(variance + epsilon);
  if (weight.scalar_type() != at::kFloat) normalised = normalised.to(weight.scalar_type());
  return weight * normalised;
}

/// transformers keeps fp16 activations finite: infinities become the largest value less 1000.
at::Tensor clamp_half(const at::Tensor& hidden) {
  if (hidden.scalar_type() != at::kHalf) return hidden;
  constexpr double kMargin = 1000.0;
  const double largest = std::numeric_limits<c10::Half>::max();
  const double limit = at::isinf(hidden).any().item<bool>() ? largest - kMargin : largest;
  return at::clamp(hidden, -limit, limit);
}

/// What is added to the scores of masked keys: the lowest finite value, [B,1,1,T].
at::Tensor additive_mask(const at::Tensor& mask, c10::ScalarType dtype) {
  double lowest = std::numeric_limits<float>::lowest();
  if (dtype == at::kBFloat16) lowest = std::numeric_limits<c10::BFloat16>::lowest();
  if (dtype == at::kHalf) lowest = std::numeric_limits<c10::Half>::lowest();
  const at::Tensor hidden_keys = mask.eq(0).unsqueeze(1).unsqueeze(1);
  return at::zeros(hidden_keys.sizes(), mask.options().dtype(dtype)).masked_fill(hidden_keys, lowest);
}

}  // namespace

Umt5Config Umt5Config::read(const std::filesystem::path& path) {
  const nlohmann::json document = read_json_file(path);
  JsonReader reader(document, path.string());
  require_choice(reader, "model_type", {"umt5"});
  require_choice(reader, "feed_forward_proj", {"gated-gelu"});
  require_choice(reader, "dense_act_fn", {"gelu_new", "gelu_pytorch_tanh"});
  require_flag(reader, "is_gated_act", true);
  require_flag(reader, "is_decoder", false);

  Umt5Config config{};
  config.vocab_size = reader.integer("vocab_size", {1, kLargestVocabulary});
  config.d_model = reader.integer("d_model", {1, kLargestWidth});
  config.d_kv = reader.integer("d_kv", {1, kLargestWidth});
  config.d_ff = reader.integer("d_ff", {1, kLargestWidth});
  config.num_layers = reader.integer("num_layers", {1, 1000});
  config.num_heads = reader.integer("num_heads", {1, 4096});
  config.relative_attention_num_buckets = reader.integer("relative_attention_num_buckets", {4, 4096}, 32);
  if (config.relative_attention_num_buckets % 4 != 0) {
    reader.fail("relative_attention_num_buckets", "is no multiple of 4", "a multiple of 4");
  }
  config.relative_attention_max_distance = reader.integer(
      "relative_attention_max_distance", {config.relative_attention_num_buckets / 4 + 1, kLargestWidth}, 128);
  config.layer_norm_epsilon = reader.number("layer_norm_epsilon", {0.0, 1.0}, 1e-6);
  return config;
}

std::int64_t relative_position_bucket(std::int64_t relative_position, const Umt5Config& config) {
  const std::int64_t half = config.relative_attention_num_buckets / 2;
  const std::int64_t exact = half / 2;
  const std::int64_t base = relative_position > 0 ? half : 0;
  const std::int64_t distance = std::abs(relative_position);
  if (distance < exact) return base + distance;
  // In fp32 like the original: some distances lie exactly on a border between buckets.
  const float span = static_cast<float>(
      std::log(static_cast<double>(config.relative_attention_max_distance) / static_cast<double>(exact)));
  const float ratio = std::log(static_cast<float>(distance) / static_cast<float>(exact)) / span;
  const auto step = static_cast<std::int64_t>(ratio * static_cast<float>(half - exact));
  return base + std::min(exact + step, half - 1);
}

at::Tensor zero_beyond_mask(const at::Tensor& hidden, const at::Tensor& mask) {
  return hidden.masked_fill(mask.to(hidden.device()).eq(0).unsqueeze(-1), 0);
}

Umt5Encoder::Umt5Encoder(const Umt5Config& config, WeightSet& weights, c10::ScalarType dtype, c10::Device device)
    : config_(config), dtype_(dtype), device_(device), source_(weights.path()) {
  const c10::InferenceMode guard;
  Taker taker(weights, device);
  const std::int64_t width = config.d_model;
  const std::int64_t inner = config.num_heads * config.d_kv;
  const c10::ScalarType down_dtype = dtype == at::kHalf ? at::kFloat : dtype;

  const bool shared = weights.has("shared.weight") || !weights.has("encoder.embed_tokens.weight");
  embedding_ = taker.take(shared ? "shared.weight" : "encoder.embed_tokens.weight", {config.vocab_size, width}, dtype);
  for (std::int64_t index = 0; index < config.num_layers; ++index) {
    const std::string self = fmt::format("encoder.block.{}.layer.0.SelfAttention.", index);
    const std::string dense = fmt::format("encoder.block.{}.layer.1.DenseReluDense.", index);
    Layer layer;
    layer.attention_norm = taker.take(fmt::format("encoder.block.{}.layer.0.layer_norm.weight", index), {width}, dtype);
    layer.query = taker.take(self + "q.weight", {inner, width}, dtype);
    layer.key = taker.take(self + "k.weight", {inner, width}, dtype);
    layer.value = taker.take(self + "v.weight", {inner, width}, dtype);
    layer.output = taker.take(self + "o.weight", {width, inner}, dtype);
    layer.position_bias = taker.take(self + "relative_attention_bias.weight",
                                     {config.relative_attention_num_buckets, config.num_heads}, dtype);
    layer.feed_forward_norm =
        taker.take(fmt::format("encoder.block.{}.layer.1.layer_norm.weight", index), {width}, dtype);
    layer.gate = taker.take(dense + "wi_0.weight", {config.d_ff, width}, dtype);
    layer.up = taker.take(dense + "wi_1.weight", {config.d_ff, width}, dtype);
    layer.down = taker.take(dense + "wo.weight", {width, config.d_ff}, down_dtype);
    layers_.push_back(std::move(layer));
  }
  final_norm_ = taker.take("encoder.final_layer_norm.weight", {width}, dtype);
  // A checkpoint of the whole UMT5 holds a decoder as well.
  weights.finish([](std::string_view name) {
    return name == "encoder.embed_tokens.weight" || name == "lm_head.weight" || name.starts_with("decoder.");
  });
  first_non_finite_ = weights.first_non_finite();
}

Umt5Encoder Umt5Encoder::load(const std::filesystem::path& folder, c10::ScalarType dtype, c10::Device device) {
  const Umt5Config config = Umt5Config::read(folder / "config.json");
  WeightSet weights(folder);
  return Umt5Encoder(config, weights, dtype, device);
}

void Umt5Encoder::require_known_ids(const at::Tensor& ids) const {
  const auto smallest = ids.min().item<std::int64_t>();
  const auto largest = ids.max().item<std::int64_t>();
  if (smallest < 0 || largest >= config_.vocab_size) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: token id {} is outside the vocabulary; accepted: ids 0 to {}", source_.string(),
                            smallest < 0 ? smallest : largest, config_.vocab_size - 1));
  }
}

at::Tensor Umt5Encoder::position_buckets(std::int64_t length) const {
  std::vector<std::int64_t> bucket_of_distance;
  for (std::int64_t relative = 1 - length; relative < length; ++relative) {
    bucket_of_distance.push_back(relative_position_bucket(relative, config_));
  }
  at::Tensor buckets = at::empty({length, length}, at::kLong);
  auto* row = buckets.mutable_data_ptr<std::int64_t>();
  for (std::int64_t query = 0; query < length; ++query, row += length) {
    std::copy_n(bucket_of_distance.begin() + (length - 1 - query), length, row);
  }
  return buckets.to(device_);
}

at::Tensor Umt5Encoder::attend(const Layer& layer, const at::Tensor& input, const at::Tensor& buckets,
                               const at::Tensor& key_mask) const {
  const std::array<std::int64_t, 4> heads{input.size(0), input.size(1), config_.num_heads, config_.d_kv};
  const auto project = [&](const at::Tensor& weight) { return at::linear(input, weight).view(heads).transpose(1, 2); };
  const at::Tensor bias = at::embedding(layer.position_bias, buckets).permute({2, 0, 1}).unsqueeze(0) + key_mask;
  const at::Tensor attended =
      at::scaled_dot_product_attention(project(layer.query), project(layer.key), project(layer.value), bias,
                                       /*dropout_p=*/0.0, /*is_causal=*/false, /*scale=*/1.0);
  return at::linear(attended.transpose(1, 2).reshape({heads[0], heads[1], heads[2] * heads[3]}), layer.output);
}

at::Tensor Umt5Encoder::feed_forward(const Layer& layer, const at::Tensor& input) const {
  const at::Tensor gated = at::gelu(at::linear(input, layer.gate), "tanh") * at::linear(input, layer.up);
  return at::linear(gated.to(layer.down.scalar_type()), layer.down);
}

at::Tensor Umt5Encoder::encode(const at::Tensor& ids, const at::Tensor& mask) const {
  TORCH_CHECK(ids.dim() == 2 && ids.sizes() == mask.sizes(), "Umt5Encoder: ids and mask must be [B,T], got ",
              ids.sizes(), " and ", mask.sizes());
  const c10::InferenceMode guard;
  require_known_ids(ids);
  const at::Tensor buckets = position_buckets(ids.size(1));
  const at::Tensor key_mask = additive_mask(mask.to(device_), dtype_);
  at::Tensor hidden = at::embedding(embedding_, ids.to(device_));
  for (const Layer& layer : layers_) {
    const at::Tensor normalised = rms_norm(hidden, layer.attention_norm, config_.layer_norm_epsilon);
    hidden = clamp_half(hidden + attend(layer, normalised, buckets, key_mask));
    hidden =
        clamp_half(hidden + feed_forward(layer, rms_norm(hidden, layer.feed_forward_norm, config_.layer_norm_epsilon)));
  }
  return rms_norm(hidden, final_norm_, config_.layer_norm_epsilon);
}

at::Tensor Umt5Encoder::prompt_embeds(const at::Tensor& ids, const at::Tensor& mask) const {
  const c10::InferenceMode guard;
  const auto longest = std::max<std::int64_t>(mask.sum(-1).max().item<std::int64_t>(), 1);
  const at::Tensor used_mask = mask.narrow(1, 0, longest);
  const at::Tensor hidden = zero_beyond_mask(encode(ids.narrow(1, 0, longest), used_mask), used_mask);
  return at::constant_pad_nd(hidden, {0, 0, 0, ids.size(1) - longest});
}

}  // namespace ditto
