#pragma once

#include <string>
#include <utility>
#include <vector>

#include "caches/registry.h"
#include "caches/step_window.h"
#include "core/cache_policy.h"

namespace ditto {

/// Which steps a cache-then-forecast policy computes: those of the window, and every `interval`-th one. `counted_from`
/// kLastComputed counts from the last computed step, as the methods' authors do; kWindow counts from the end of the
/// window and its first step on, as diffusers does: (step - first - 1) mod interval == 0.
struct ForecastSchedule {
  enum class Start : std::uint8_t { kLastComputed, kWindow };

  int interval = 1;
  StepWindow window;
  Start counted_from = Start::kLastComputed;

  /// From the options interval, first and last.
  static ForecastSchedule from(const PolicyOptions& options, Start counted_from = Start::kLastComputed);

  /// Why this step has to be computed; empty when it is to be forecast.
  std::string reason_to_compute(const DecisionPoint& point) const;
};

/// Computes on a schedule and forecasts in between, at all sites of one level.
class ForecastPolicy : public CachePolicy {
 public:
  /// `level` is one of kSiteLevels, `keep` the number of snapshots a forecast can use.
  ForecastPolicy(ForecastSchedule schedule, std::string level, int keep);

  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override;
  Decision decide(const DecisionPoint& point) override;

 protected:
  const ForecastSchedule& schedule() const { return schedule_; }

 private:
  /// Weights over the snapshots, newest first; there is at least one.
  virtual std::vector<float> forecast(std::span<const Snapshot> snapshots, const StepInfo& step) const = 0;

  ForecastSchedule schedule_;
  std::string level_;
  int keep_;
};

/// Executed steps at which snapshots were taken.
std::vector<double> indices_of(std::span<const Snapshot> snapshots);

/// The order that TaylorSeer's published recursion has reached: it updates its differences from the last window step
/// on, so each computed step since then raises the order by one, up to `order`.
int recursion_order(std::span<const Snapshot> snapshots, int order, const StepWindow& window);

/// The options interval, site, first and last of forecasting policies.
std::vector<OptionSpec> forecast_options(const char* interval, const char* site, const char* first);

}  // namespace ditto
