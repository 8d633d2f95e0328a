#include "caches/profiling/channel_solvers.h"

#include <algorithm>
#include <array>

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/fft_fft.h>
#include <ATen/ops/log.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/square.h>
#include <ATen/ops/stack.h>

#include "caches/forecasters/solver_pool.h"
#include "caches/profiling/relative_change.h"
#include "caches/profiling/token_sample.h"

namespace ditto {
namespace {

constexpr int kFewestSteps = 4;
constexpr int kHistory = 3;
constexpr double kTiny = 1e-12;

at::Tensor step_differences(const at::Tensor& values) {
  return values.narrow(0, 1, values.size(0) - 1) - values.narrow(0, 0, values.size(0) - 1);
}

/// Root mean square by channel.
at::Tensor size_of(const at::Tensor& values) { return values.square().mean(at::IntArrayRef{0, 1}).sqrt(); }

at::Tensor log_ratio(const at::Tensor& numerator, const at::Tensor& denominator) {
  return at::log(numerator / (denominator + kTiny) + kTiny);
}

/// Geometric over arithmetic mean of the power at all frequencies but 0, mean over the tokens: 1 for white noise.
at::Tensor spectral_flatness(const at::Tensor& values) {
  const at::Tensor spectrum = at::fft_fft(values, {}, /*dim=*/0);
  const at::Tensor power = spectrum.narrow(0, 1, values.size(0) - 1).abs().square() + kTiny;
  return (at::exp(at::log(power).mean({0})) / power.mean({0})).mean({0});
}

}  // namespace

at::Tensor channel_descriptors(const at::Tensor& values) {
  const at::Tensor exact = values.to(at::kDouble);
  const at::Tensor first = step_differences(exact), second = step_differences(first), third = step_differences(second);
  const at::Tensor size = size_of(exact), size1 = size_of(first), size2 = size_of(second), size3 = size_of(third);
  return at::stack({log_ratio(size1, size), log_ratio(size2, size), at::log(size + kTiny), log_ratio(size3, size2),
                    log_ratio(size2, size1), spectral_flatness(exact)},
                   1);
}

at::Tensor solver_errors(const at::Tensor& values) {
  const at::Tensor exact = values.to(at::kDouble);
  const std::int64_t forecasts = exact.size(0) - kHistory;
  // Step t + 1 is forecast from the steps t, t - 1 and t - 2.
  const at::Tensor truth = exact.narrow(0, kHistory, forecasts);
  std::vector<at::Tensor> errors;
  for (int solver = 0; solver < kMeasuredSolvers; ++solver) {
    const PoolForecaster forecaster(static_cast<PoolSolver>(solver), /*rolling=*/false);
    at::Tensor error = -truth;
    int age = 0;
    for (const float weight : forecaster.weights(std::array{2.0, 1.0, 0.0}, 3.0)) {
      error += exact.narrow(0, kHistory - 1 - age++, forecasts) * weight;
    }
    errors.push_back(error.square().mean(at::IntArrayRef{0, 1}));
  }
  return at::stack(errors);
}

ChannelMeasurement::ChannelMeasurement(const MeasuredRun& run)
    : probed_steps_(std::min(kProbedSteps, run.steps())),
      values_(static_cast<std::size_t>(run.blocks())),
      descriptors_(static_cast<std::size_t>(run.blocks())),
      errors_(static_cast<std::size_t>(run.blocks())) {}

void ChannelMeasurement::see_block(const BlockStates& states) {
  if (states.branch != 0 || states.step.index >= probed_steps_ || probed_steps_ < kFewestSteps) return;
  const auto block = static_cast<std::size_t>(states.block);
  values_[block].push_back(difference_of(sample_tokens(states.output), sample_tokens(states.input)));
  if (static_cast<int>(values_[block].size()) < probed_steps_) return;
  const at::Tensor values = at::stack(values_[block]);
  values_[block].clear();
  descriptors_[block] = channel_descriptors(values).cpu();
  errors_[block] = solver_errors(values).cpu();
}

void ChannelMeasurement::finish(const at::Tensor&, ArrayMap& arrays) {
  if (probed_steps_ < kFewestSteps) return;
  arrays["hyca.descriptors"] = at::stack(descriptors_);
  arrays["hyca.solver_error"] = at::stack(errors_);
}

}  // namespace ditto
