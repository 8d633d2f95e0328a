#include "models/wan/vae.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include <fmt/format.h>

#include "models/wan/whole_bytes.h"

namespace ditto {
namespace {

using wan_vae::CausalHistory;
using wan_vae::Loader;

constexpr std::int64_t kPixelChannels = 3;

/// The encoder half of the file.
bool belongs_to_encoder(std::string_view name) {
  return name.starts_with("encoder.") || name.starts_with("quant_conv.");
}

/// Width of the frames that enter stage `stage`: every upsampler halves the channels.
std::int64_t entering_channels(const WanVaeConfig& config, std::size_t stage) {
  return stage == 0 ? config.stage_channels[0] : config.stage_channels[stage - 1] / 2;
}

at::Tensor per_channel(const std::vector<double>& values, c10::Device device) {
  return at::tensor(at::ArrayRef<double>(values), at::kFloat).view({-1, 1, 1, 1}).to(device);
}

}  // namespace

std::vector<WanVaeDecoder::Stage> WanVaeDecoder::load_stages(const WanVaeConfig& config, Loader& loader) {
  std::vector<Stage> stages(config.stage_channels.size());
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const std::string name = fmt::format("decoder.up_blocks.{}", i);
    const std::int64_t channels = config.stage_channels[i];
    for (std::int64_t j = 0; j <= config.num_res_blocks; ++j) {
      stages[i].blocks.emplace_back(loader, fmt::format("{}.resnets.{}", name, j),
                                    j == 0 ? entering_channels(config, i) : channels, channels);
    }
    if (i + 1 < stages.size()) {
      stages[i].upsampler.emplace_back(loader, name + ".upsamplers.0", channels, config.temporal_upsample[i]);
    }
  }
  return stages;
}

WanVaeDecoder::WanVaeDecoder(const WanVaeConfig& config, WeightSet& weights, c10::Device device)
    : WanVaeDecoder(config, weights, device, Loader(weights, device)) {}

WanVaeDecoder::WanVaeDecoder(const WanVaeConfig& config, WeightSet& weights, c10::Device device, Loader loader)
    : config_(config),
      mean_(per_channel(config.latents_mean, device)),
      inverse_std_(per_channel(config.latents_std, device).reciprocal()),
      post_quant_(loader, "post_quant_conv", config.z_dim, config.z_dim),
      conv_in_(loader, "decoder.conv_in", config.z_dim, config.stage_channels[0], 3),
      middle_before_(loader, "decoder.mid_block.resnets.0", config.stage_channels[0], config.stage_channels[0]),
      middle_attention_(loader, "decoder.mid_block.attentions.0", config.stage_channels[0]),
      middle_after_(loader, "decoder.mid_block.resnets.1", config.stage_channels[0], config.stage_channels[0]),
      stages_(load_stages(config, loader)),
      norm_out_(loader, "decoder.norm_out", config.stage_channels.back(), 3),
      conv_out_(loader, "decoder.conv_out", config.stage_channels.back(), kPixelChannels, 3),
      causal_convolutions_(loader.causal_convolutions()),
      weight_bytes_(loader.bytes()),
      first_non_finite_(weights.first_non_finite()) {
  weights.finish(belongs_to_encoder);
}

WanVaeDecoder WanVaeDecoder::load(const std::filesystem::path& folder, c10::Device device) {
  WeightSet weights(folder);
  return WanVaeDecoder(WanVaeConfig::read(folder / "config.json"), weights, device);
}

at::Tensor WanVaeDecoder::denormalise(const at::Tensor& latents) const {
  const c10::InferenceMode guard;
  // Divided by the reciprocal, as WanPipeline does.
  return latents.to(mean_.device(), at::kFloat).div(inverse_std_).add_(mean_);
}

at::Tensor WanVaeDecoder::decode_chunk(const at::Tensor& frames, CausalHistory& history) const {
  const at::Tensor window = conv_in_.window(frames, history);
  wan_vae::CausalConvolution::fresh(window).copy_(frames);
  at::Tensor hidden = conv_in_(window, history);
  hidden = middle_before_(hidden, history);
  hidden = middle_attention_(hidden);
  hidden = middle_after_(hidden, history);
  for (const Stage& stage : stages_) {
    for (const auto& block : stage.blocks) hidden = block(hidden, history);
    for (const auto& upsampler : stage.upsampler) hidden = upsampler(hidden, history);
  }
  return wan_vae::normalised_convolution(norm_out_, conv_out_, hidden, history);
}

at::Tensor WanVaeDecoder::decode(const at::Tensor& latents, const KeepGoing& keep_going,
                                 std::int64_t frames_per_chunk) const {
  TORCH_CHECK(latents.dim() == 5 && latents.size(1) == config_.z_dim && latents.numel() > 0, "latents are [B,",
              config_.z_dim, ",F,h,w], got ", latents.sizes());
  const c10::InferenceMode guard;
  const std::int64_t batch = latents.size(0), count = latents.size(2);
  const std::int64_t step = frames_per_chunk > 0 ? frames_per_chunk : chunk_frames(latents.sizes());
  const at::Tensor clips = latents.to(mean_.device(), at::kFloat);
  const at::Tensor video =
      at::empty({batch, config_.scale_factor_temporal * (count - 1) + 1, config_.scale_factor_spatial * latents.size(3),
                 config_.scale_factor_spatial * latents.size(4), kPixelChannels},
                clips.options(), at::MemoryFormat::Contiguous);
  for (std::int64_t clip = 0; clip < batch; ++clip) {
    const at::Tensor frames = post_quant_(clips[clip].transpose(0, 1).contiguous(at::MemoryFormat::ChannelsLast));
    CausalHistory history{.frames = std::vector<at::Tensor>(causal_convolutions_)};
    std::int64_t written = 0;
    for (std::int64_t begin = 0; begin < count; begin += step) {
      if (keep_going && !keep_going(static_cast<int>(clip * count + begin), static_cast<int>(batch * count))) return {};
      history.first_chunk = begin == 0;
      history.last_chunk = begin + step >= count;
      const at::Tensor pixels = decode_chunk(frames.narrow(0, begin, std::min(step, count - begin)), history);
      video[clip].narrow(0, written, pixels.size(0)).copy_(pixels.permute({0, 2, 3, 1})).clamp_(-1, 1);
      written += pixels.size(0);
    }
  }
  return video.permute({0, 4, 1, 2, 3});
}

std::int64_t WanVaeDecoder::chunk_frames(at::IntArrayRef latent_sizes) const {
  const std::int64_t budget = mean_.is_cpu() ? kChunkBytes : 16 * kChunkBytes;
  std::int64_t frames = latent_sizes[2];
  while (frames > 1 && activation_bytes(latent_sizes, frames) > budget) --frames;
  return frames;
}

std::int64_t WanVaeDecoder::activation_bytes(at::IntArrayRef latent_sizes, std::int64_t frames_per_chunk) const {
  // Sizes that no machine holds would overflow integers.
  const auto clip_frames = static_cast<double>(latent_sizes[2]);
  double pixels = static_cast<double>(latent_sizes[3]) * static_cast<double>(latent_sizes[4]);
  double frames = std::min(static_cast<double>(frames_per_chunk), clip_frames);
  const bool remembers = frames < clip_frames;
  double remembered = 0, largest = 0;
  for (std::size_t i = 0; i < config_.stage_channels.size(); ++i) {
    const auto entering = static_cast<double>(entering_channels(config_, i));
    const auto channels = static_cast<double>(config_.stage_channels[i]);
    // A residual block holds its input, the window of a convolution with its two remembered frames, and the result; an
    // upsampler left its four positions, no larger than its result, beside it.
    const double block = frames * (entering + 2 * channels) + 2 * channels;
    largest = std::max({largest, pixels * block, pixels * 2 * frames * entering});
    remembered += pixels * 2 * static_cast<double>(2 * config_.num_res_blocks + 3) * std::max(entering, channels);
    pixels *= 4;
    if (i < config_.temporal_upsample.size() && config_.temporal_upsample[i]) frames *= 2;
  }
  const double video = clip_frames * static_cast<double>(config_.scale_factor_temporal * kPixelChannels) * pixels / 4;
  return whole_bytes(static_cast<double>(latent_sizes[0]) * video * 4 + 4 * (largest + (remembers ? remembered : 0)));
}

}  // namespace ditto
