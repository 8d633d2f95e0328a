#pragma once

#include <vector>

#include "core/video_model.h"

namespace ditto {

/// How a unit's output depends on the step: not at all, linearly on the step's index, or smoothly on noise level and
/// state. Built of exactly rounded operations only, so that every machine gives the same bits.
enum class ToyFeature : std::uint8_t { kConstant, kLinear, kSmooth };

struct ToyOptions {
  ToyFeature feature = ToyFeature::kSmooth;
  int blocks = 3;  ///< of three units each: self_attention, cross_attention, feed_forward
  bool guidance_distilled = false;
  KernelMode kernels = KernelMode::kAuto;
};

/// An analytic video model without weights: right answers are known in closed form. Latents [1, 4, frames, h, w] become
/// tokens [rows, frames * h * w, 4]; unit u of branch b adds gate(step) * output, where the output of branch b is that
/// of branch 0 plus `b / 2`. Text embeddings shift the constant part. A token receives attention in proportion to
/// exp(mean of its channels).
class ToyModel : public VideoModel, private Model {
 public:
  explicit ToyModel(const ToyOptions& options = {});

  const ModelDefaults& defaults() const override { return defaults_; }
  const Model& denoiser() const override { return *this; }
  at::Tensor encode_text(const std::string& prompt) const override;
  std::vector<std::int64_t> latent_sizes(int width, int height, int frames) const override;
  at::Tensor decode(const at::Tensor& latents, const std::function<bool(int, int)>& keep_going) const override;
  std::int64_t weight_bytes() const override { return 0; }
  std::int64_t activation_bytes(at::IntArrayRef) const override { return 0; }

  /// The constant part of a unit's output, per channel.
  static double constant_of(int unit, int channel);
  /// What a unit's output is multiplied by before it is added, at an executed step.
  static double gate_of(int step_index) { return 1.0 + 0.1 * step_index; }

 private:
  const Topology& topology() const override { return topology_; }
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

  ToyOptions options_;
  ModelDefaults defaults_;
  Topology topology_;
};

}  // namespace ditto
