#pragma once

#include <vector>

#include "caches/profiling/measurement.h"

namespace ditto {

/// Inner products of rows divided by their length, [rows, rows] in double, exactly symmetric. All tensors have the same
/// number of elements.
at::Tensor gram_matrix(const std::vector<at::Tensor>& rows);

/// "gram" [1, 2T + 1, 2T + 1]: inner products of x_0 .. x_T, the latents that enter the steps and the final one, and of
/// m_0 .. m_{T-1}, the guided data predictions x - sigma * v. The error of any solver step over any sub-schedule is a
/// quadratic form of it.
class LatentGram : public Measurement {
 public:
  void see_step(const StepInfo& step, const at::Tensor& latent, const at::Tensor& prediction) override;
  void finish(const at::Tensor& final_latent, ArrayMap& arrays) override;

 private:
  std::vector<at::Tensor> latents_, data_;
};

/// The same for features of every branch, [branches, T, T] over the steps: "stack_gram" of the hidden state after the
/// last block (DPCache, arXiv 2602.22654), "stack_delta_gram" of what all units add, and "stack_delta_error", the mean
/// absolute difference of that between two steps. At most kSampledTokens tokens stand for all.
class StackGram : public Measurement {
 public:
  explicit StackGram(const MeasuredRun& run);
  void see_block(const BlockStates& states) override;
  void finish(const at::Tensor& final_latent, ArrayMap& arrays) override;

 private:
  int last_block_;
  std::vector<std::vector<at::Tensor>> states_, inputs_;  ///< by branch, step
};

}  // namespace ditto
