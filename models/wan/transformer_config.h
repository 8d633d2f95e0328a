#pragma once

#include <array>
#include <cstdint>
#include <filesystem>

namespace ditto {

/// Sizes of a text-to-video `WanTransformer3DModel`; fields carry the names of the keys of its config.json.
struct WanTransformerConfig {
  std::int64_t num_layers;
  std::int64_t num_attention_heads;
  std::int64_t attention_head_dim;
  std::int64_t ffn_dim;
  std::int64_t in_channels;
  std::int64_t out_channels;
  std::int64_t text_dim;
  std::int64_t freq_dim;
  std::int64_t rope_max_seq_len;
  std::array<std::int64_t, 3> patch_size;  ///< frames, height, width
  bool cross_attn_norm;
  double eps;

  /// Throws Error(kBadInputFile) naming file, key and value for what is missing, out of range or belongs to another
  /// model: image-to-video variants are recognised and named.
  static WanTransformerConfig read(const std::filesystem::path& file);

  std::int64_t width() const { return num_attention_heads * attention_head_dim; }
  /// Latent positions of one token.
  std::int64_t patch_elements() const { return patch_size[0] * patch_size[1] * patch_size[2]; }
};

}  // namespace ditto
