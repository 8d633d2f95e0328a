#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include "core/model.h"
#include "io/weights.h"
#include "kernels/kernel_mode.h"
#include "models/wan/transformer_config.h"
#include "models/wan/transformer_weights.h"

namespace ditto {

/// How the transformer is held and computed.
struct WanTransformerOptions {
  c10::Device device = c10::kCPU;
  c10::ScalarType dtype = c10::kFloat;  ///< fp32 or bf16; fp16 on CUDA only
  KernelMode kernels = KernelMode::kAuto;
};

/// The denoising transformer of Wan 2.1 text-to-video (diffusers' WanTransformer3DModel), as units: every block is a
/// self_attention, a cross_attention and a feed_forward. Features are outputs before the gate; cross-attention has no
/// gate.
class WanTransformer final : public Model {
 public:
  /// Takes all weights; those stored in the wanted dtype stay mapped on the CPU. Throws Error(kBadInputFile) listing
  /// missing, mis-shaped and surplus tensors, Error(kUsage) for a dtype the device cannot compute in.
  WanTransformer(const WanTransformerConfig& config, WeightSet& weights, ModelIdentity identity,
                 const WanTransformerOptions& options);

  /// The transformer in a diffusers `transformer/` folder.
  static std::unique_ptr<const WanTransformer> load(const std::filesystem::path& folder, ModelIdentity identity,
                                                    const WanTransformerOptions& options);

  const WanTransformerConfig& config() const { return config_; }
  c10::ScalarType dtype() const { return options_.dtype; }
  /// Bytes of all weights as they are held.
  std::int64_t weight_bytes() const { return weights_.bytes; }
  /// A bound on what prepare() and one step hold at a time, for that many branches and text tokens.
  std::int64_t activation_bytes(at::IntArrayRef latent_sizes, std::int64_t branches, std::int64_t text_tokens,
                                std::int64_t steps) const;
  /// Name of the first weight that holds NaN or infinity, for a warning.
  const std::optional<std::string>& first_non_finite() const { return first_non_finite_; }

  const Topology& topology() const override { return topology_; }
  c10::Device device() const override { return options_.device; }
  KernelMode kernels() const override { return options_.kernels; }
  std::unique_ptr<const RunContext> prepare(std::span<const at::Tensor> text, std::span<const StepInfo> schedule,
                                            at::IntArrayRef latent_sizes) const override;
  Activations embed(const RunContext& context, const at::Tensor& latent, int step,
                    std::vector<int> rows) const override;
  Feature run_unit(int unit, const Activations& activations) const override;
  void apply_unit(int unit, const Blend& blend, Activations& activations) const override;
  at::Tensor signal(Signal signal, const Activations& activations) const override;
  at::Tensor received_attention(int unit, const Activations& activations, int query_stride) const override;
  at::Tensor project(const Activations& activations) const override;

 private:
  at::Tensor self_attention(std::size_t block, const Activations& activations) const;
  at::Tensor attention_input(std::size_t block, const Activations& activations) const;
  at::Tensor rotated(const kernels::Linear& projection, const at::Tensor& norm, const at::Tensor& input,
                     const Activations& activations) const;
  at::Tensor cross_attention(std::size_t block, const Activations& activations) const;
  at::Tensor feed_forward(std::size_t block, const Activations& activations) const;

  WanTransformerConfig config_;
  WanTransformerOptions options_;
  Topology topology_;
  WanTransformerWeights weights_;
  std::optional<std::string> first_non_finite_;
};

}  // namespace ditto
