#include "apps/common/detail_recorder.h"

#include <algorithm>

namespace ditto {
namespace {

TimeBreakdown breakdown(const Result& result) {
  TimeBreakdown time{.text = result.seconds.text, .decode = result.seconds.decode};
  for (const StepRecord& step : result.step_records) {
    time.units += step.seconds_of(StepPart::kUnits);
    time.blends += step.seconds_of(StepPart::kBlends);
    time.deciding += step.seconds_of(StepPart::kDeciding);
  }
  time.rest = std::max(0.0, result.seconds.denoise - time.units - time.blends - time.deciding);
  return time;
}

std::vector<Threshold> thresholds_of(std::span<const PolicySpec> policies) {
  std::vector<Threshold> thresholds;
  for (const PolicySpec& policy : policies) {
    const auto option = std::ranges::find(policy.entry->options, "threshold", &OptionSpec::name);
    const bool given = option != policy.entry->options.end() && option->type == OptionType::kNumber &&
                       !policy.options.is_automatic("threshold");
    if (!given) continue;
    thresholds.push_back(
        {policies.size() == 1 ? "threshold" : policy.entry->name + " threshold", policy.options.number("threshold")});
  }
  return thresholds;
}

}  // namespace

void DetailRecorder::watch(GenerateOptions& options, Trajectory& trajectory) {
  options.engine.record_steps = true;
  options.on_prediction = [&trajectory](const StepInfo& step, const at::Tensor& latent, const at::Tensor& prediction) {
    trajectory.add(step.node, latent, prediction);
  };
}

RunDetail DetailRecorder::finish(const Result& full, const Result& cached, std::span<const PolicySpec> policies) const {
  RunDetail detail;
  detail.trace = cached.trace;
  detail.thresholds = thresholds_of(policies);
  detail.errors = full_.errors_of(cached_);
  for (const StepRecord& step : cached.step_records) detail.memory.push_back({step.node, step.cache_bytes});
  detail.seconds = cached.seconds.denoise;
  detail.full_seconds = full.seconds.denoise;
  detail.time = breakdown(cached);
  detail.full_time = breakdown(full);
  compare_frames(detail, full.frames, cached.frames);
  return detail;
}

}  // namespace ditto
