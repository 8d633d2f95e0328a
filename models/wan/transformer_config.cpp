#include "models/wan/transformer_config.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "io/json_file.h"

namespace ditto {
namespace {

constexpr std::int64_t kLargestWidth = 1 << 17;

void refuse_other_models(JsonReader& reader, const nlohmann::json& document) {
  const std::string name = reader.text("_class_name");
  if (name != "WanTransformer3DModel") {
    reader.fail("_class_name", fmt::format("'{}' is another model", name), "WanTransformer3DModel");
  }
  for (const char* key : {"image_dim", "added_kv_proj_dim", "pos_embed_seq_len"}) {
    if (reader.has(key)) reader.fail(key, "is set: this is an image-to-video transformer", "null (text-to-video)");
  }
  static_cast<void>(reader.has("qk_norm"));  // diffusers builds the RMS norms whatever it says
  static_cast<void>(reader.has("_diffusers_version"));
  static_cast<void>(reader.has("_name_or_path"));
  for (const auto& [key, value] : document.items()) {
    const bool off = value.is_null() || (value.is_boolean() && !value.get<bool>());
    if (off) static_cast<void>(reader.has(key));  // an extension that is not in use
  }
}

void require_consistent(const JsonReader& reader, const WanTransformerConfig& config) {
  if (config.in_channels != config.out_channels) {
    reader.fail("in_channels",
                fmt::format("{} differs from out_channels {}: the latent is joined with an image or mask",
                            config.in_channels, config.out_channels),
                "equal numbers (text-to-video)");
  }
  if (config.attention_head_dim % 2 != 0 || config.attention_head_dim < 6) {
    reader.fail("attention_head_dim",
                fmt::format("{} cannot be split over three rotary axes", config.attention_head_dim),
                "an even number from 6");
  }
  if (config.freq_dim % 2 != 0) {
    reader.fail("freq_dim", fmt::format("{} is odd", config.freq_dim), "an even number");
  }
  if (config.width() > kLargestWidth) {
    reader.fail("num_attention_heads",
                fmt::format("heads of width {} give {} channels", config.attention_head_dim, config.width()),
                fmt::format("at most {} channels", kLargestWidth));
  }
}

}  // namespace

WanTransformerConfig WanTransformerConfig::read(const std::filesystem::path& file) {
  const nlohmann::json document = read_json_file(file);
  JsonReader reader(document, file.string());
  refuse_other_models(reader, document);

  WanTransformerConfig config{};
  config.num_layers = reader.integer("num_layers", {1, 1000}, 40);
  config.num_attention_heads = reader.integer("num_attention_heads", {1, 4096}, 40);
  config.attention_head_dim = reader.integer("attention_head_dim", {1, 4096}, 128);
  config.ffn_dim = reader.integer("ffn_dim", {1, 4 * kLargestWidth}, 13824);
  config.in_channels = reader.integer("in_channels", {1, 4096}, 16);
  config.out_channels = reader.integer("out_channels", {1, 4096}, 16);
  config.text_dim = reader.integer("text_dim", {1, kLargestWidth}, 4096);
  config.freq_dim = reader.integer("freq_dim", {2, kLargestWidth}, 256);
  config.rope_max_seq_len = reader.integer("rope_max_seq_len", {1, 1 << 20}, 1024);
  const std::vector<std::int64_t> patch = reader.integers("patch_size", {1, 64}, std::vector<std::int64_t>{1, 2, 2});
  if (patch.size() != 3) reader.fail("patch_size", fmt::format("has {} numbers", patch.size()), "three numbers");
  std::ranges::copy(patch, config.patch_size.begin());
  config.cross_attn_norm = reader.boolean("cross_attn_norm", true);
  config.eps = reader.number("eps", {0.0, 1.0}, 1e-6);
  require_consistent(reader, config);
  reader.refuse_unknown_keys();
  return config;
}

}  // namespace ditto
