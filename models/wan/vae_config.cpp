#include "models/wan/vae_config.h"

#include <algorithm>
#include <limits>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "io/json_file.h"

namespace ditto {
namespace {

constexpr IntegerRange kWidth{.min = 1, .max = std::int64_t{1} << 16};

const std::vector<double> kPublishedMean = {-0.7571, -0.7089, -0.9113, 0.1075,  -0.1745, 0.9653,  -0.1517, 1.5508,
                                            0.4134,  -0.0715, 0.5517,  -0.3632, -0.1922, -0.9497, 0.2503,  -0.2921};
const std::vector<double> kPublishedStd = {2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743,
                                           3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253, 2.8251, 1.9160};

void refuse_other_variants(JsonReader& reader) {
  if (reader.boolean("is_residual", false)) reader.fail("is_residual", "true is not supported", "false");
  if (!reader.numbers("attn_scales", {}, {{}}).empty()) {
    reader.fail("attn_scales", "attention in the stages is not supported", "[]");
  }
  if (reader.has("patch_size")) {
    reader.fail("patch_size", fmt::format("{} is not supported", reader.value("patch_size").dump()), "null");
  }
  reader.integer("out_channels", {.min = 3, .max = 3}, 3);
}

std::vector<bool> read_temporal_upsample(JsonReader& reader, std::size_t count) {
  // The key is misspelt in every published file.
  constexpr auto kKey = "temperal_downsample";
  std::vector<bool> downsample = {false, true, true};
  if (reader.has(kKey)) {
    const nlohmann::json& value = reader.value(kKey);
    if (!value.is_array() || !std::ranges::all_of(value, [](const auto& item) { return item.is_boolean(); })) {
      reader.fail(kKey, fmt::format("{} is no list of booleans", value.dump()), "a list of true and false");
    }
    downsample = value.get<std::vector<bool>>();
  }
  if (downsample.size() != count) {
    reader.fail(kKey, fmt::format("{} entries", downsample.size()),
                fmt::format("{}, one less than dim_mult has", count));
  }
  return {downsample.rbegin(), downsample.rend()};
}

std::vector<double> read_statistics(JsonReader& reader, std::string_view key, double min,
                                    const std::vector<double>& published, std::int64_t channels) {
  const std::vector<double> values = reader.numbers(key, {.min = min}, published);
  if (static_cast<std::int64_t>(values.size()) != channels) {
    reader.fail(key, fmt::format("{} numbers", values.size()), fmt::format("{}, one for each of z_dim", channels));
  }
  return values;
}

/// A factor that follows from the stages; the key repeats it.
std::int64_t check_factor(JsonReader& reader, std::string_view key, std::int64_t doublings) {
  const std::int64_t factor = std::int64_t{1} << doublings;
  reader.integer(key, {.min = factor, .max = factor}, factor);
  return factor;
}

}  // namespace

WanVaeConfig WanVaeConfig::read(const std::filesystem::path& path) {
  const nlohmann::json document = read_json_file(path);
  JsonReader reader(document, path.string());
  refuse_other_variants(reader);

  WanVaeConfig config;
  config.z_dim = reader.integer("z_dim", kWidth, 16);
  config.num_res_blocks = reader.integer("num_res_blocks", {.min = 1, .max = 64}, 2);
  const std::int64_t base = reader.integer("decoder_base_dim", kWidth, reader.integer("base_dim", kWidth, 96));
  const auto multipliers = reader.integers("dim_mult", {.min = 1, .max = 1024}, std::vector<std::int64_t>{1, 2, 4, 4});
  if (multipliers.size() < 2 || multipliers.size() > 8) {
    reader.fail("dim_mult", fmt::format("{} entries", multipliers.size()), "2 to 8 entries");
  }
  for (auto it = multipliers.rbegin(); it != multipliers.rend(); ++it) config.stage_channels.push_back(base * *it);
  config.temporal_upsample = read_temporal_upsample(reader, multipliers.size() - 1);
  config.latents_mean =
      read_statistics(reader, "latents_mean", std::numeric_limits<double>::lowest(), kPublishedMean, config.z_dim);
  config.latents_std =
      read_statistics(reader, "latents_std", std::numeric_limits<float>::min(), kPublishedStd, config.z_dim);
  config.scale_factor_temporal =
      check_factor(reader, "scale_factor_temporal", std::ranges::count(config.temporal_upsample, true));
  config.scale_factor_spatial =
      check_factor(reader, "scale_factor_spatial", static_cast<std::int64_t>(multipliers.size()) - 1);
  return config;
}

}  // namespace ditto
