#pragma once

#include <vector>

#include "caches/profiling/measurement.h"

namespace ditto {

/// Which blocks attend to the foreground (ProfilingDiT, arXiv 2504.03140): "foreground_mask" [1, frames, height, width]
/// of the tokens, from the last step's prediction, and "foreground_attention.by_prompt" [runs, blocks, steps], the
/// share of foreground tokens that receive more attention than the average token, mean over frames and branches. A run
/// in which no frame has a foreground adds none.
class ForegroundAttention : public Measurement {
 public:
  explicit ForegroundAttention(const MeasuredRun& run);
  void see_block(const BlockStates& states) override;
  void see_step(const StepInfo& step, const at::Tensor& latent, const at::Tensor& prediction) override;
  void finish(const at::Tensor& final_latent, ArrayMap& arrays) override;

 private:
  at::Tensor shares(const at::Tensor& mask) const;
  std::size_t slot(int block, int step, int branch) const;

  int branches_, blocks_, steps_;
  std::array<int, 3> patch_;
  std::vector<at::Tensor> attended_;  ///< by block, step, branch: bool [tokens]
  at::Tensor last_prediction_;
};

}  // namespace ditto
