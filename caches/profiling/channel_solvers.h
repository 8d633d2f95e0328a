#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "caches/profiling/measurement.h"

namespace ditto {

/// Solvers that forecast a feature from its last three values, and their weights on these at unit spacing, newest first
/// (HyCa, arXiv 2510.04188).
struct ChannelSolver {
  std::string_view name;
  std::array<double, 3> weights;
};
inline constexpr std::array<ChannelSolver, 6> kChannelSolvers = {{{"TF", {2, -1, 0}},
                                                                  {"AB2", {2.5, -2, 0.5}},
                                                                  {"RK2", {1.5, 0, -0.5}},
                                                                  {"BDF2", {4.0 / 3, -1.0 / 3, 0}},
                                                                  {"AM", {55.0 / 24, -38.0 / 24, 7.0 / 24}},
                                                                  {"REUSE", {1, 0, 0}}}};

/// What a channel of a feature is like over consecutive steps, [channels, 6]: logarithms of its first difference,
/// second difference, size, jerk and curvature ratio, and its spectral flatness. `values` is [steps, tokens, channels]
/// with at least 4 steps.
at::Tensor channel_descriptors(const at::Tensor& values);

/// Mean square error [6, channels] of each solver's forecast of the next step, over steps and tokens.
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
