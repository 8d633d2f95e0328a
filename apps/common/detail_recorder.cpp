#include "apps/common/detail_recorder.h"

#include <algorithm>
#include <charconv>

#include "eval/metrics/latent.h"
#include "runtime/settled_names.h"

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

/// Of policies with all options resolved; a threshold that has no effect is no number.
std::vector<Threshold> thresholds_of(const std::vector<std::string>& policies) {
  std::vector<Threshold> thresholds;
  for (const std::string& policy : policies) {
    const std::string_view text = option_value(policy, "threshold").value_or("");
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) continue;
    const std::string name = policy.substr(0, policy.find(':'));
    thresholds.push_back({policies.size() == 1 ? "threshold" : name + " threshold", value});
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

RunDetail DetailRecorder::finish(const Result& full, const Result& cached) const {
  RunDetail detail;
  detail.trace = cached.trace;
  detail.thresholds = thresholds_of(cached.trace.run.policies);
  detail.errors = full_.errors_of(cached_);
  detail.final_error = latent_distance(full.latents.cpu(), cached.latents.cpu()).mean;
  for (const StepRecord& step : cached.step_records) detail.memory.push_back({step.node, step.cache_bytes});
  detail.seconds = cached.seconds.denoise;
  detail.full_seconds = full.seconds.denoise;
  detail.time = breakdown(cached);
  detail.full_time = breakdown(full);
  compare_frames(detail, full.frames, cached.frames);
  return detail;
}

}  // namespace ditto
