#include "caches/profiling/received_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include "caches/profiling/foreground_mask.h"
#include "caches/profiling/relative_change.h"

namespace ditto {

ForegroundAttention::ForegroundAttention(const MeasuredRun& run)
    : branches_(run.branches()), blocks_(run.blocks()), steps_(run.steps()), patch_(run.topology.patch) {
  attended_.resize(static_cast<std::size_t>(branches_ * blocks_ * steps_));
}

std::size_t ForegroundAttention::slot(int block, int step, int branch) const {
  return static_cast<std::size_t>((block * steps_ + step) * branches_ + branch);
}

void ForegroundAttention::see_block(const BlockStates& states) {
  if (!states.received_attention.defined()) return;
  const at::Tensor received = states.received_attention.squeeze(0);
  // The sum is 1, so the average token receives one part of as many as there are tokens.
  attended_[slot(states.block, states.step.index, states.branch)] =
      (received > 1.0 / static_cast<double>(received.numel())).to(at::kCPU);
}

void ForegroundAttention::see_step(const StepInfo& step, const at::Tensor&, const at::Tensor& prediction) {
  if (step.index + 1 == step.count) last_prediction_ = prediction.to(at::kFloat);
}

at::Tensor ForegroundAttention::shares(const at::Tensor& mask) const {
  const at::Tensor frames = mask.flatten(1);
  const at::Tensor sizes = frames.sum({1}).to(at::kDouble);
  const double valid_frames = (sizes > 0).sum().item<double>();
  at::Tensor result = unmeasured({blocks_, steps_});
  auto table = result.accessor<double, 2>();
  for (int block = 0; block < blocks_; ++block) {
    for (int step = 0; step < steps_; ++step) {
      double sum = 0;
      for (int branch = 0; branch < branches_; ++branch) {
        const at::Tensor& attended = attended_[slot(block, step, branch)];
        if (!attended.defined()) continue;  // a block without self-attention stays NaN
        const at::Tensor hits = attended.view_as(frames).logical_and(frames).sum({1}).to(at::kDouble);
        sum += (hits / sizes.clamp_min(1)).sum().item<double>() / valid_frames;
        table[block][step] = sum / branches_;
      }
    }
  }
  return result;
}

void ForegroundAttention::finish(const at::Tensor&, ArrayMap& arrays) {
  const at::Tensor mask = foreground_mask(last_prediction_, patch_);
  arrays["foreground_mask"] = mask.to(at::kByte).unsqueeze(0);
  arrays["foreground_attention.by_prompt"] =
      mask.any().item<bool>() ? shares(mask).unsqueeze(0) : at::empty({0, blocks_, steps_}, at::kDouble);
}

}  // namespace ditto
