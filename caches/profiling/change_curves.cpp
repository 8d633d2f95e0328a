#include "caches/profiling/change_curves.h"

#include <ATen/ops/full.h>

#include <fmt/format.h>

#include "caches/profiling/indicator.h"
#include "caches/profiling/relative_change.h"

namespace ditto {

ResidualCurves::ResidualCurves(const MeasuredRun& run)
    : last_block_(run.blocks() - 1),
      ratio_(unmeasured({run.branches(), run.steps()})),
      change_(unmeasured({run.branches(), run.steps()})) {}

void ResidualCurves::see_block(const BlockStates& states) {
  if (states.block != last_block_) return;
  auto ratio = ratio_.accessor<double, 2>();
  if (!states.previous_output.defined()) {
    ratio[states.branch][states.step.index] = 1;
    return;
  }
  const at::Tensor now = difference_of(states.output, states.stack_input);
  const at::Tensor before = difference_of(states.previous_output, states.previous_stack_input);
  ratio[states.branch][states.step.index] = mean_norm_ratio(now, before);
  change_.accessor<double, 2>()[states.branch][states.step.index] = relative_l1(now, before, states.kernels);
}

void ResidualCurves::finish(const at::Tensor&, ArrayMap& arrays) {
  arrays["residual_ratio.by_prompt"] = ratio_.unsqueeze(0);
  arrays["stack_change"] = change_;
}

BlockCurves::BlockCurves(const MeasuredRun& run)
    : output_(unmeasured({run.branches(), run.blocks(), run.steps()})),
      delta_(unmeasured({run.branches(), run.blocks(), run.steps()})) {}

void BlockCurves::see_block(const BlockStates& states) {
  if (!states.previous_output.defined()) return;
  output_.accessor<double, 3>()[states.branch][states.block][states.step.index] =
      relative_l1(states.output, states.previous_output, states.kernels);
  delta_.accessor<double, 3>()[states.branch][states.block][states.step.index] =
      relative_l1(difference_of(states.output, states.input),
                  difference_of(states.previous_output, states.previous_input), states.kernels);
}

void BlockCurves::finish(const at::Tensor&, ArrayMap& arrays) {
  arrays["block_change"] = output_;
  arrays["block_delta_change"] = delta_;
}

IndicatorCurves::IndicatorCurves(const MeasuredRun& run) : output_(unmeasured({run.branches(), run.steps()})) {
  for (const Indicator& indicator : kIndicators) {
    changes_[indicator.signal] = unmeasured({run.branches(), run.steps()});
  }
}

void IndicatorCurves::see_signals(const StepSignals& signals) {
  for (const auto& [signal, value] : signals.values) {
    at::Tensor& previous = previous_[{signal, signals.branch}];
    if (previous.defined()) {
      changes_[signal].accessor<double, 2>()[signals.branch][signals.step.index] =
          relative_l1(value, previous, signals.kernels);
    }
    previous = value;
  }
}

void IndicatorCurves::see_prediction(const BranchPrediction& prediction) {
  if (!prediction.previous.defined()) return;
  output_.accessor<double, 2>()[prediction.branch][prediction.step.index] =
      relative_l1(prediction.now, prediction.previous, prediction.kernels);
}

void IndicatorCurves::finish(const at::Tensor&, ArrayMap& arrays) {
  arrays["output_change.by_prompt"] = output_.unsqueeze(0);
  for (const Indicator& indicator : kIndicators) {
    arrays[fmt::format("indicator.{}.by_prompt", indicator.name)] = changes_[indicator.signal].unsqueeze(0);
  }
}

}  // namespace ditto
