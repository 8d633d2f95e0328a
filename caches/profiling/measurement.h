#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "core/run_info.h"
#include "core/site.h"
#include "core/step_grid.h"
#include "kernels/kernel_mode.h"

namespace ditto {

/// The run that is measured.
struct MeasuredRun {
  const Topology& topology;
  const RunInfo& info;

  int steps() const { return info.steps; }
  int branches() const { return static_cast<int>(info.branches.size()); }
  int blocks() const { return topology.block_count(); }
};

/// Hidden states [1, tokens, channels] around one block, now and in the step before. They stay as they are, so whoever
/// wants to look at them again may hold them.
struct BlockStates {
  StepInfo step;
  int branch = 0;  ///< index into the run's branches
  int block = 0;
  at::Tensor stack_input, input, output;                             ///< `input` only when every block is observed
  at::Tensor previous_stack_input, previous_input, previous_output;  ///< undefined in the first step
  at::Tensor received_attention;                                     ///< [1, tokens]; undefined when not measured
  KernelMode kernels = KernelMode::kAuto;
};

/// The cheap tensors of one step and branch that stand for how much the output will change.
struct StepSignals {
  StepInfo step;
  int branch = 0;
  std::map<Signal, at::Tensor> values;
  KernelMode kernels = KernelMode::kAuto;
};

/// The prediction of one branch, now and in the step before (undefined in the first).
struct BranchPrediction {
  StepInfo step;
  int branch = 0;
  at::Tensor now, previous;
  KernelMode kernels = KernelMode::kAuto;
};

using ArrayMap = std::map<std::string, at::Tensor>;

/// Something measured while one full run passes by: it is shown every step and at the end adds the arrays of that run.
class Measurement {
 public:
  virtual ~Measurement() = default;

  virtual void see_signals(const StepSignals&) {}
  virtual void see_block(const BlockStates&) {}
  virtual void see_prediction(const BranchPrediction&) {}
  /// The latent that enters a step and the guided prediction made from it, both [1, channels, frames, height, width].
  virtual void see_step(const StepInfo&, const at::Tensor& /*latent*/, const at::Tensor& /*prediction*/) {}
  virtual void finish(const at::Tensor& final_latent, ArrayMap& arrays) = 0;
};

}  // namespace ditto
