#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ditto {

/// config.json of an AutoencoderKLWan, as far as its decoder needs it. Stages are in the decoder's order: from the
/// latent's resolution up.
struct WanVaeConfig {
  std::int64_t z_dim;
  std::int64_t num_res_blocks;
  std::vector<std::int64_t> stage_channels;  ///< width of each stage; the last one makes the pixels
  std::vector<bool> temporal_upsample;       ///< whether the step from stage i to i + 1 doubles the frames too
  std::vector<double> latents_mean;          ///< per latent channel
  std::vector<double> latents_std;
  std::int64_t scale_factor_temporal;
  std::int64_t scale_factor_spatial;

  /// Throws Error(kBadInputFile) naming file, key and value for what is missing, out of range or not supported.
  static WanVaeConfig read(const std::filesystem::path& path);
};

}  // namespace ditto
