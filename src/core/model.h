#pragma once

#include <memory>
#include <span>
#include <vector>

#include "core/cache_policy.h"
#include "core/feature.h"
#include "core/site.h"
#include "core/step_grid.h"
#include "kernels/kernel_mode.h"

namespace ditto {

/// What a model computes once per run because it does not depend on the latent: text keys and values of every branch,
/// time modulations of every step. Private to the model's family.
class RunContext {
 public:
  virtual ~RunContext() = default;
};

/// The state of one forward pass. `hidden` is [rows, tokens, channels] and is updated in place: whoever keeps it clones
/// it. `rows[r]` says which branch of the run batch row r belongs to.
struct Activations {
  Feature hidden;
  std::vector<int> rows;
  int step = 0;  ///< index into the run's schedule
  const RunContext* context = nullptr;

  /// A view of batch row r: updates of it are updates of this.
  Activations row(std::int64_t r) const;
};

/// What is added to the hidden state in place of a unit's output: the sum of weights[k] * terms[k], before the gate.
/// With `cluster_of_channel` (int32 [channels]) the channels of cluster c have the weights [c * terms + k].
struct Blend {
  std::vector<Feature> terms;
  std::vector<float> weights;
  at::Tensor cluster_of_channel = {};

  /// A unit's own fresh output.
  static Blend fresh(Feature output);
};

/// A diffusion transformer as data and verbs. Immutable and safe to share by threads; never sees a policy, a store or a
/// trace. Callers run under c10::InferenceMode.
class Model {
 public:
  virtual ~Model() = default;

  virtual const Topology& topology() const = 0;

  /// Where its tensors are. Latents come from there and predictions are left there.
  virtual c10::Device device() const { return c10::kCPU; }

  /// How its operations are computed, and the engine's on its features.
  virtual KernelMode kernels() const { return KernelMode::kAuto; }

  /// Everything that does not depend on the latent. `text[b]` is the embedding [1, tokens, channels] of branch b;
  /// `latent_sizes` is [1, channels, frames, height, width].
  virtual std::unique_ptr<const RunContext> prepare(std::span<const at::Tensor> text,
                                                    std::span<const StepInfo> schedule,
                                                    at::IntArrayRef latent_sizes) const = 0;

  /// Tokens of `latent` at step `step` of the schedule, one batch row for each branch in `rows`.
  virtual Activations embed(const RunContext& context, const at::Tensor& latent, int step,
                            std::vector<int> rows) const = 0;

  /// Output of a unit before its gate, in tensors nobody else holds. Costly and pure.
  virtual Feature run_unit(int unit, const Activations& activations) const = 0;

  /// Gates a blend of outputs and adds it to the hidden state in place.
  virtual void apply_unit(int unit, const Blend& blend, Activations& activations) const = 0;

  /// A cheap tensor for policies, see Signal; `activations` are those after embed().
  virtual at::Tensor signal(Signal signal, const Activations& activations) const = 0;

  /// Mean over heads and every `query_stride`-th query of the attention each token would receive in a self-attention
  /// unit, [rows, tokens] in fp32 with the sum 1 in each row. Throws Error(kUsage) for any other unit.
  virtual at::Tensor received_attention(int unit, const Activations& activations, int query_stride) const;

  /// The prediction [rows, channels, frames, height, width] in the model's dtype.
  virtual at::Tensor project(const Activations& activations) const = 0;
};

}  // namespace ditto
