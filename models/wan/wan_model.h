#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/video_model.h"
#include "models/registry.h"
#include "models/wan/prompt_encoder.h"
#include "models/wan/transformer.h"
#include "models/wan/vae.h"

namespace ditto {

/// Wan 2.1 text-to-video from an unmodified diffusers folder (WanPipeline). An optional `ditto.json` in the folder,
/// {"defaults": {"width", "height", "frames", "fps", "steps", "guidance"}}, replaces Wan's own defaults.
class WanModel final : public VideoModel {
 public:
  /// Throws Error(kBadInputFile) for a folder that is damaged, holds another kind of Wan, or differs from its manifest.
  static std::shared_ptr<const VideoModel> load(const std::filesystem::path& folder, const LoadOptions& options);

  const ModelDefaults& defaults() const override { return defaults_; }
  const Model& denoiser() const override { return *transformer_; }
  at::Tensor encode_text(const std::string& prompt) const override { return prompts_.encode(prompt); }
  std::optional<std::string> text_warning(const std::string& prompt) const override { return prompts_.warning(prompt); }
  std::vector<std::int64_t> latent_sizes(int width, int height, int frames) const override;
  at::Tensor decode(const at::Tensor& latents, const std::function<bool(int, int)>& keep_going) const override;
  std::int64_t weight_bytes() const override;
  std::int64_t activation_bytes(at::IntArrayRef latent_sizes) const override;
  std::vector<std::string> warnings() const override;

 private:
  WanModel(const std::filesystem::path& folder, const LoadOptions& options);
  void require_matching_parts() const;

  std::filesystem::path folder_;
  ModelDefaults defaults_;
  PromptEncoder prompts_;
  WanVaeDecoder vae_;
  std::unique_ptr<const WanTransformer> transformer_;
};

}  // namespace ditto
