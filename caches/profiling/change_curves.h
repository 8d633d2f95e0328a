#pragma once

#include "caches/profiling/measurement.h"

namespace ditto {

/// How much what all units add changes from step to step: "residual_ratio.by_prompt", mean over the tokens of the ratio
/// of its norms (MagCache, arXiv 2506.09045), and "stack_change", its relative L1 change.
class ResidualCurves : public Measurement {
 public:
  explicit ResidualCurves(const MeasuredRun& run);
  void see_block(const BlockStates& states) override;
  void finish(const at::Tensor& final_latent, ArrayMap& arrays) override;

 private:
  int last_block_;
  at::Tensor ratio_, change_;
};

/// Relative L1 changes of every block's output ("block_change", BWCache, arXiv 2509.13789) and of what it adds
/// ("block_delta_change").
class BlockCurves : public Measurement {
 public:
  explicit BlockCurves(const MeasuredRun& run);
  void see_block(const BlockStates& states) override;
  void finish(const at::Tensor& final_latent, ArrayMap& arrays) override;

 private:
  at::Tensor output_, delta_;
};

/// Relative L1 changes of the indicators ("indicator.<name>.by_prompt", TeaCache, arXiv 2411.19108) and of each
/// branch's prediction ("output_change.by_prompt").
class IndicatorCurves : public Measurement {
 public:
  explicit IndicatorCurves(const MeasuredRun& run);
  void see_signals(const StepSignals& signals) override;
  void see_prediction(const BranchPrediction& prediction) override;
  void finish(const at::Tensor& final_latent, ArrayMap& arrays) override;

 private:
  std::map<Signal, at::Tensor> changes_;
  std::map<std::pair<Signal, int>, at::Tensor> previous_;
  at::Tensor output_;
};

}  // namespace ditto
