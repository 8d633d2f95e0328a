#pragma once

#include <vector>

#include "caches/profiling/measurement.h"

namespace ditto {

/// How many solvers of the pool (caches/forecasters/solver_pool.h) are measured: its first six.
inline constexpr int kMeasuredSolvers = 6;

/// What a channel of a feature is like over consecutive steps, [channels, 6]: logarithms of its first difference,
/// second difference, size, jerk and curvature ratio, and its spectral flatness. `values` is [steps, tokens, channels]
/// with at least 4 steps.
at::Tensor channel_descriptors(const at::Tensor& values);

/// Mean square error [kMeasuredSolvers, channels] of each solver's forecast of the next step, over steps and tokens.
at::Tensor solver_errors(const at::Tensor& values);

/// Both for what every block adds in the first steps of the conditional branch: "hyca.descriptors" [blocks, channels,
/// 6] and "hyca.solver_error" [blocks, 6, channels]. Runs of fewer than 4 steps have none.
class ChannelMeasurement : public Measurement {
 public:
  static constexpr int kProbedSteps = 8;

  explicit ChannelMeasurement(const MeasuredRun& run);
  void see_block(const BlockStates& states) override;
  void finish(const at::Tensor& final_latent, ArrayMap& arrays) override;

 private:
  int probed_steps_;
  std::vector<std::vector<at::Tensor>> values_;  ///< by block: [tokens, channels] of each step so far
  std::vector<at::Tensor> descriptors_, errors_;
};

}  // namespace ditto
