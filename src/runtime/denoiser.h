#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "core/cache_policy.h"
#include "core/feature_store.h"
#include "core/model.h"
#include "core/trace.h"
#include "runtime/step_record.h"

namespace ditto {

/// How the engine may run a model; none of it changes what is computed beyond rounding.
struct EngineOptions {
  std::int64_t max_cache_bytes = std::numeric_limits<std::int64_t>::max();
  /// Branches that got the same decision run as one batch when a forward has at most this many tokens per branch.
  std::int64_t max_batched_tokens = 2048;
  bool record_steps = false;  ///< keep a StepRecord of every step
};

/// Work done so far, in units of the model and in evaluations of the network (one per step and branch in which any unit
/// ran).
struct EngineCounts {
  std::int64_t units_computed = 0;
  std::int64_t branch_steps_computed = 0;
};

/// Joins model, policy, store and trace for one run: walks the units of every step, asks the policy at its sites and
/// turns an impossible request into a recompute with a reason in the trace, so that no policy can break a run.
class Denoiser {
 public:
  /// `text[b]` is the embedding of branches[b]; `latent_sizes` is [1, channels, frames, height, width]. The policy's
  /// plan is made and checked here.
  Denoiser(const Model& model, CachePolicy& policy, std::vector<Branch> branches, std::span<const at::Tensor> text,
           std::vector<StepInfo> schedule, at::IntArrayRef latent_sizes, const EngineOptions& options = {});
  ~Denoiser();

  /// Predictions of step `index` of the schedule, one [1, channels, frames, height, width] per branch. Steps are asked
  /// for in order, each once, unless the policy takes them in any order.
  std::vector<at::Tensor> predict(const at::Tensor& latent, int index);

  const Plan& plan() const;
  const std::vector<TraceEvent>& events() const;  ///< ordered by step, branch, site
  const EngineCounts& counts() const;
  const FeatureStore& store() const;
  const std::vector<StepRecord>& step_records() const;  ///< empty unless options.record_steps

 private:
  class Walk;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ditto
