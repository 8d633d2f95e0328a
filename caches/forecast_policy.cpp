#include "caches/forecast_policy.h"

#include <algorithm>

#include "caches/feature_sites.h"

namespace ditto {

ForecastSchedule ForecastSchedule::from(const PolicyOptions& options, Start counted_from) {
  return {options.integer("interval"), step_window(options), counted_from};
}

std::string ForecastSchedule::reason_to_compute(const DecisionPoint& point) const {
  if (window.must_compute(point.step)) return "window";
  if (point.age() < 0) return "nothing to forecast from";
  const bool due = counted_from == Start::kLastComputed ? point.age() >= interval
                                                        : (point.step.index - window.first - 1) % interval == 0;
  return due ? "interval" : "";
}

ForecastPolicy::ForecastPolicy(ForecastSchedule schedule, std::string level, int keep)
    : schedule_(schedule), level_(std::move(level)), keep_(keep) {}

Plan ForecastPolicy::plan(const Topology& topology, std::span<const StepInfo> schedule) {
  if (schedule_.interval == 1 || schedule_.window.covers(schedule)) return {};
  return {sites_of_level(level_, topology, keep_)};
}

Decision ForecastPolicy::decide(const DecisionPoint& point) {
  std::string reason = schedule_.reason_to_compute(point);
  if (!reason.empty()) return Decision::recompute(std::move(reason));
  return Decision::blend(forecast(point.snapshots, point.step), "forecast");
}

std::vector<double> indices_of(std::span<const Snapshot> snapshots) {
  std::vector<double> indices;
  for (const Snapshot& snapshot : snapshots) indices.push_back(snapshot.index);
  return indices;
}

int recursion_order(std::span<const Snapshot> snapshots, int order, const StepWindow& window) {
  const auto updates =
      std::ranges::count_if(snapshots, [&](const Snapshot& snapshot) { return snapshot.index > window.first - 2; });
  return std::min(order, static_cast<int>(updates));
}

std::vector<OptionSpec> forecast_options(const char* interval, const char* site, const char* first) {
  return {{.name = "interval",
           .type = OptionType::kInteger,
           .default_value = interval,
           .help = "steps from one computed step to the next",
           .minimum = 1},
          {.name = "site",
           .type = OptionType::kText,
           .default_value = site,
           .help = "what is forecast: the change made by all units or by each block, each unit's output, or the "
                   "prediction",
           .choices = kSiteLevels},
          first_option(first),
          last_option("0")};
}

}  // namespace ditto
