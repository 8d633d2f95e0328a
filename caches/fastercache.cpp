#include "caches/fastercache.h"

#include <algorithm>

#include "caches/fastercache_settings.h"
#include "caches/refusal.h"
#include "caches/settled_option.h"
#include "caches/unit_kinds.h"

namespace ditto {
namespace {

/// What happens in the steps of a run, by step.
struct StepPlan {
  std::vector<bool> without_unconditional;
  std::vector<bool> attention_forecast;
};

/// The schedules of both parts joined. A forecast needs features of every branch that runs: those of the unconditional
/// branch are too old once attention has been computed more than twice without it, and then both branches compute.
StepPlan join_schedules(const FasterCacheSettings& settings, int steps) {
  constexpr int kOldestUsable = 2;
  StepPlan plan{std::vector<bool>(static_cast<std::size_t>(steps)), std::vector<bool>(static_cast<std::size_t>(steps))};
  int computed_without_unconditional = 0;
  // Nothing is stored at the first step; the last one runs both branches.
  for (int step = 1; step < steps; ++step) {
    const auto at = static_cast<std::size_t>(step);
    plan.without_unconditional[at] =
        settings.guidance.enabled && settings.guidance.steps.contains(step) && step != steps - 1;
    const bool usable = plan.without_unconditional[at] || computed_without_unconditional <= kOldestUsable;
    plan.attention_forecast[at] = settings.attention.enabled && settings.attention.steps.contains(step) && usable;
    if (plan.attention_forecast[at]) continue;
    computed_without_unconditional = plan.without_unconditional[at] ? computed_without_unconditional + 1 : 0;
  }
  return plan;
}

class FasterCache : public CachePolicy {
 public:
  explicit FasterCache(const PolicyOptions& options) : options_(options) {}

  void begin(const Topology&, const RunInfo& run) override { single_branch_ = run.branches.size() == 1; }

  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override {
    const int steps = static_cast<int>(schedule.size());
    const bool two_branches = !single_branch_ && !topology.guidance_distilled;
    settings_ = fastercache_settings(options_, topology.identity, steps, two_branches);
    steps_ = join_schedules(settings_, steps);
    Plan plan;
    if (settings_.guidance.enabled) {
      Site site = prediction_site(FeatureForm::kBranchDelta);
      site.split = Split::kFrequencyBands;
      plan.sites.push_back(std::move(site));
    }
    if (settings_.attention.enabled) add_attention(topology, plan);
    return plan;
  }

  Decision decide(const DecisionPoint& point) override {
    return settings_.guidance.enabled && point.site == 0 ? decide_guidance(point) : decide_attention(point);
  }

  std::vector<SettledOption> settled_options() const override {
    const auto& [attention, guidance] = settings_;
    const bool forecasts = attention.enabled, estimates = guidance.enabled;
    return {settled("attention_first", attention.steps.first, forecasts),
            settled("attention_interval", attention.steps.interval, forecasts),
            attention.scale == 0 ? settled("attention_weight", attention.floor, forecasts)
                                 : settled("attention_weight", "rising", forecasts),
            settled("guidance_first", guidance.steps.first, estimates),
            settled("guidance_interval", guidance.steps.interval, estimates),
            settled("low_factor", guidance.low_factor, estimates),
            settled("high_factor", guidance.high_factor, estimates),
            settled("low_until", guidance.low_until, estimates),
            settled("high_from", guidance.high_from, estimates)};
  }

 private:
  void add_attention(const Topology& topology, Plan& plan) const {
    const std::size_t others = plan.sites.size();
    const int keep = settings_.attention.is_plain_reuse() ? 1 : 2;
    for (int unit = 0; unit < topology.unit_count(); ++unit) {
      if (!is_self_attention(topology.units[static_cast<std::size_t>(unit)].kind)) continue;
      plan.sites.push_back(unit_site(topology, unit, unit + 1, FeatureForm::kOutput, keep));
    }
    if (plan.sites.size() == others) {
      refuse_option("fastercache:parts", "the model has no self-attention units to forecast", "guidance");
    }
  }

  Decision decide_guidance(const DecisionPoint& point) const {
    if (!steps_.without_unconditional[static_cast<std::size_t>(point.step.index)]) {
      return Decision::recompute("both branches");
    }
    if (point.snapshots.empty()) return Decision::recompute("no difference known");
    return Decision::blend(settings_.guidance.weights(point.snapshots.front().index, point.step.index),
                           "difference of the branches");
  }

  Decision decide_attention(const DecisionPoint& point) const {
    if (!steps_.attention_forecast[static_cast<std::size_t>(point.step.index)]) return Decision::recompute("interval");
    const auto weight = static_cast<float>(settings_.attention.weight(point.step.index));
    if (weight == 0 || point.snapshots.size() < 2) return Decision::reuse("interval");
    return Decision::blend({1 + weight, -weight}, "forecast");
  }

  PolicyOptions options_;
  bool single_branch_ = false;
  FasterCacheSettings settings_;
  StepPlan steps_;
};

}  // namespace

PolicyEntry fastercache_entry() {
  return {.name = "fastercache",
          .help = "forecast self-attention, estimate the unconditional prediction from the conditional one",
          .disabled = "attention_interval=1,guidance_interval=1",
          .options = fastercache_options(),
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<FasterCache>(options);
          }};
}

}  // namespace ditto
