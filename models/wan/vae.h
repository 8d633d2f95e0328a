#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "io/weights.h"
#include "models/wan/vae_config.h"
#include "models/wan/vae_layers.h"

namespace ditto {

/// The decoder of Wan's video autoencoder (diffusers' AutoencoderKLWan). Immutable and safe to use from several
/// threads.
class WanVaeDecoder {
 public:
  /// Takes the decoder's weights as fp32 to `device`; the encoder's, if any, are left alone. Throws
  /// Error(kBadInputFile) for missing, mis-shaped or unknown tensors.
  WanVaeDecoder(const WanVaeConfig& config, WeightSet& weights, c10::Device device = c10::kCPU);

  /// The decoder in a diffusers `vae/` folder.
  static WanVaeDecoder load(const std::filesystem::path& folder, c10::Device device = c10::kCPU);

  const WanVaeConfig& config() const { return config_; }
  std::int64_t weight_bytes() const { return weight_bytes_; }
  /// Name of the first weight that holds NaN or infinity, for a warning.
  const std::optional<std::string>& first_non_finite() const { return first_non_finite_; }

  /// latents * std + mean per channel in fp32: what the transformer works on to what `decode` takes, [B,z,F,h,w].
  at::Tensor denormalise(const at::Tensor& latents) const;

  /// Asked before each chunk with the latent frames done and to be done; false stops.
  using KeepGoing = std::function<bool(int frame, int count)>;

  /// Pixels [B,3,4F-3,8h,8w] (for the usual scale factors) in [-1,1], fp32, of latents [B,z,F,h,w]; in memory the three
  /// channels of a pixel lie together. A clip is decoded in chunks of `frames_per_chunk` latent frames, with the same
  /// result for any size; 0 takes the size that `chunk_frames` gives. Undefined when `keep_going` said false.
  at::Tensor decode(const at::Tensor& latents, const KeepGoing& keep_going = {},
                    std::int64_t frames_per_chunk = 0) const;

  /// The most latent frames whose activations are estimated to fit kChunkBytes, at least one: chunks that stay in the
  /// CPU's caches are fastest, and memory stays bounded for large frames. On a GPU sixteen times that much is allowed.
  std::int64_t chunk_frames(at::IntArrayRef latent_sizes) const;
  static constexpr std::int64_t kChunkBytes = std::int64_t{48} << 20;

  /// Estimate of the memory a decode of latents [B,z,F,h,w] in such chunks needs besides weights, result included.
  std::int64_t activation_bytes(at::IntArrayRef latent_sizes, std::int64_t frames_per_chunk) const;

 private:
  struct Stage {
    std::vector<wan_vae::ResidualBlock> blocks;
    std::vector<wan_vae::Upsampler> upsampler;  // empty in the last stage
  };

  WanVaeDecoder(const WanVaeConfig& config, WeightSet& weights, c10::Device device, wan_vae::Loader loader);
  static std::vector<Stage> load_stages(const WanVaeConfig& config, wan_vae::Loader& loader);
  at::Tensor decode_chunk(const at::Tensor& frames, wan_vae::CausalHistory& history) const;

  WanVaeConfig config_;
  at::Tensor mean_, inverse_std_;  // [z,1,1,1]
  wan_vae::PixelConvolution post_quant_;
  wan_vae::CausalConvolution conv_in_;
  wan_vae::ResidualBlock middle_before_;
  wan_vae::AttentionBlock middle_attention_;
  wan_vae::ResidualBlock middle_after_;
  std::vector<Stage> stages_;
  wan_vae::ChannelNorm norm_out_;
  wan_vae::CausalConvolution conv_out_;
  int causal_convolutions_;
  std::int64_t weight_bytes_ = 0;
  std::optional<std::string> first_non_finite_;
};

}  // namespace ditto
