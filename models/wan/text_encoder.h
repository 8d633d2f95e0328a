#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include "io/weights.h"

namespace ditto {

/// config.json of a UMT5 encoder; fields carry the names of its keys.
struct Umt5Config {
  std::int64_t vocab_size;
  std::int64_t d_model;
  std::int64_t d_kv;
  std::int64_t d_ff;
  std::int64_t num_layers;
  std::int64_t num_heads;
  std::int64_t relative_attention_num_buckets;
  std::int64_t relative_attention_max_distance;
  double layer_norm_epsilon;

  /// Throws Error(kBadInputFile) naming file, key and value for what is missing, out of range or not supported.
  static Umt5Config read(const std::filesystem::path& path);
};

/// Row of the bias table for `relative_position` = key - query: one bucket per near distance, logarithmically wider
/// ones up to relative_attention_max_distance, the upper half of the buckets for keys after the query.
std::int64_t relative_position_bucket(std::int64_t relative_position, const Umt5Config& config);

/// Zeros the rows of `hidden` [B,T,C] where `mask` [B,T] is 0: the prompt embeddings that WanPipeline hands over.
at::Tensor zero_beyond_mask(const at::Tensor& hidden, const at::Tensor& mask);

/// The text encoder of Wan (transformers' UMT5EncoderModel). Immutable and safe to use from several threads.
class Umt5Encoder {
 public:
  /// Takes all weights in `dtype` (fp32, bf16 or fp16) to `device`; weights stored so stay mapped on the CPU. In fp16
  /// the feed-forward's output projection is kept in fp32, as transformers does. Throws Error(kBadInputFile) for
  /// missing, mis-shaped or surplus tensors.
  Umt5Encoder(const Umt5Config& config, WeightSet& weights, c10::ScalarType dtype, c10::Device device = c10::kCPU);

  /// The encoder in a diffusers `text_encoder/` folder.
  static Umt5Encoder load(const std::filesystem::path& folder, c10::ScalarType dtype, c10::Device device = c10::kCPU);

  const Umt5Config& config() const { return config_; }
  /// Name of the first weight that holds NaN or infinity, for a warning.
  const std::optional<std::string>& first_non_finite() const { return first_non_finite_; }

  /// Last hidden state [B,T,d_model] of int64 `ids` and `mask` [B,T], rows of padding included. Throws
  /// Error(kBadInputFile) for an id outside the vocabulary: tokenizer and encoder are not of one model.
  at::Tensor encode(const at::Tensor& ids, const at::Tensor& mask) const;

  /// The prompt embeddings [B,T,d_model] of right-padded ids: encode, then zeros beyond the mask. Padding is never
  /// computed, so a short prompt costs as much as its own tokens.
  at::Tensor prompt_embeds(const at::Tensor& ids, const at::Tensor& mask) const;

 private:
  struct Layer {
    at::Tensor attention_norm, query, key, value, output, position_bias;
    at::Tensor feed_forward_norm, gate, up, down;
  };

  void require_known_ids(const at::Tensor& ids) const;
  at::Tensor position_buckets(std::int64_t length) const;
  at::Tensor attend(const Layer& layer, const at::Tensor& input, const at::Tensor& buckets,
                    const at::Tensor& key_mask) const;
  at::Tensor feed_forward(const Layer& layer, const at::Tensor& input) const;

  Umt5Config config_;
  c10::ScalarType dtype_;
  c10::Device device_;
  at::Tensor embedding_;
  std::vector<Layer> layers_;
  at::Tensor final_norm_;
  std::filesystem::path source_;
  std::optional<std::string> first_non_finite_;
};

}  // namespace ditto
