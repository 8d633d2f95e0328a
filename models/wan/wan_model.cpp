#include "models/wan/wan_model.h"

#include <algorithm>

#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>

#include <fmt/format.h>

#include "core/error.h"
#include "core/printable.h"
#include "io/manifest.h"
#include "models/wan/wan_folder.h"

namespace ditto {
namespace {

/// "wan-mini" of ".../wan-mini/" too; it becomes part of JSON.
std::string folder_name(const std::filesystem::path& folder) {
  const std::filesystem::path real = std::filesystem::weakly_canonical(folder);
  return printable(real.filename().string());
}

void require_multiple(const char* what, int value, std::int64_t multiple, std::int64_t largest, int width, int height) {
  if (value >= multiple && value <= largest && value % multiple == 0) return;
  throw Error(ExitCode::kUsage, fmt::format("--size: {}x{}: {} {} is not possible; accepted: multiples of {} up to {}",
                                            width, height, what, value, multiple, largest));
}

}  // namespace

std::shared_ptr<const VideoModel> WanModel::load(const std::filesystem::path& folder, const LoadOptions& options) {
  const c10::InferenceMode inference;
  check_wan_index(folder);
  if (options.verify_manifest) verify_manifest(folder);
  LoadOptions settled = options;
  // Without a number each thread would mean its own current GPU.
  if (settled.device.is_cuda() && !settled.device.has_index()) settled.device = at::empty({0}, settled.device).device();
  return std::shared_ptr<const VideoModel>(new WanModel(folder, settled));
}

WanModel::WanModel(const std::filesystem::path& folder, const LoadOptions& options)
    : folder_(folder),
      defaults_(read_wan_defaults(folder)),
      prompts_(folder, options.dtype, options.device, options.prompt_cleaning),
      vae_(WanVaeDecoder::load(folder / "vae", options.device)),
      transformer_(WanTransformer::load(
          folder / "transformer",
          {folder_name(folder),
           weight_hash(folder, options.verify_manifest ? ManifestTrust::kVerified : ManifestTrust::kIgnored)},
          {options.device, options.dtype, options.kernels})) {
  require_matching_parts();
}

void WanModel::require_matching_parts() const {
  const auto require = [this](const char* key, std::int64_t value, const char* other, std::int64_t expected) {
    if (value == expected) return;
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: {}: {} does not fit {} {} beside it; accepted: parts of one model",
                            (folder_ / "transformer" / "config.json").string(), key, value, other, expected));
  };
  require("text_dim", transformer_->config().text_dim, "the text encoder's d_model", prompts_.width());
  require("in_channels", transformer_->config().in_channels, "the codec's z_dim", vae_.config().z_dim);
}

std::vector<std::int64_t> WanModel::latent_sizes(int width, int height, int frames) const {
  const WanTransformerConfig& transformer = transformer_->config();
  const std::int64_t pixels = vae_.config().scale_factor_spatial, stride = vae_.config().scale_factor_temporal;
  const auto& [patch_frames, patch_height, patch_width] = transformer.patch_size;
  const std::int64_t longest = transformer.rope_max_seq_len;
  require_multiple("width", width, pixels * patch_width, pixels * patch_width * longest, width, height);
  require_multiple("height", height, pixels * patch_height, pixels * patch_height * longest, width, height);
  const std::int64_t latent_frames = (frames - 1) / stride + 1;
  const bool fits = frames >= 1 && (frames - 1) % stride == 0 && latent_frames % patch_frames == 0 &&
                    latent_frames / patch_frames <= longest;
  if (!fits) {
    const std::int64_t most = (longest * patch_frames - 1) * stride + 1;
    throw Error(ExitCode::kUsage, fmt::format("--frames: {} is not possible; accepted: {}k+1 (1, {}, {}, ...) up to {}",
                                              frames, stride, stride + 1, 2 * stride + 1, most));
  }
  return {1, transformer.in_channels, latent_frames, height / pixels, width / pixels};
}

at::Tensor WanModel::decode(const at::Tensor& latents, const std::function<bool(int, int)>& keep_going) const {
  return vae_.decode(vae_.denormalise(latents), keep_going);
}

std::int64_t WanModel::weight_bytes() const {
  const std::int64_t rest = transformer_->weight_bytes() + vae_.weight_bytes();
  // On the CPU the text encoder is gone when a step runs, but was there before; a GPU holds copies of all.
  return transformer_->device().is_cpu() ? std::max(prompts_.weight_bytes(), rest) : prompts_.weight_bytes() + rest;
}

std::int64_t WanModel::activation_bytes(at::IntArrayRef latent_sizes) const {
  const std::int64_t step =
      transformer_->activation_bytes(latent_sizes, /*branches=*/2, prompts_.padded_length(), defaults_.steps);
  return std::max(step, vae_.activation_bytes(latent_sizes, vae_.chunk_frames(latent_sizes)));
}

std::vector<std::string> WanModel::warnings() const {
  std::vector<std::string> warnings;
  const auto add = [&](const char* part, const std::optional<std::string>& name) {
    if (!name) return;
    warnings.push_back(fmt::format("{}: tensor '{}' has NaN or infinite values", (folder_ / part).string(), *name));
  };
  add("text_encoder", prompts_.first_non_finite());
  add("transformer", transformer_->first_non_finite());
  add("vae", vae_.first_non_finite());
  return warnings;
}

}  // namespace ditto
