#include "caches/taylorseer.h"

#include <algorithm>

#include "caches/feature_sites.h"
#include "caches/forecasters/taylor.h"
#include "caches/step_window.h"

namespace ditto {
namespace {

class TaylorSeer : public CachePolicy {
 public:
  explicit TaylorSeer(const PolicyOptions& options)
      : interval_(options.integer("interval")),
        order_(options.integer("order")),
        level_(options.text("site")),
        by_sigma_(options.text("axis") == "sigma"),
        window_{options.integer("first"), options.integer("last")} {}

  Plan plan(const Topology& topology, std::span<const StepInfo>) override {
    if (interval_ == 1) return {};
    return {sites_of_level(level_, topology, order_ + 1)};
  }

  Decision decide(const DecisionPoint& point) override {
    if (window_.must_compute(point.step)) return Decision::recompute("window");
    if (point.age() < 0 || point.age() >= interval_) return Decision::recompute("interval");
    std::vector<double> positions;
    for (const Snapshot& snapshot : point.snapshots) {
      positions.push_back(by_sigma_ ? snapshot.sigma : static_cast<double>(snapshot.index));
    }
    const double target = by_sigma_ ? point.step.sigma : static_cast<double>(point.step.index);
    return Decision::blend(TaylorForecaster(usable_order(point.snapshots)).weights(positions, target), "forecast");
  }

 private:
  /// The published recursion updates its differences from the last window step on, so each computed step since then
  /// raises the order by one.
  int usable_order(std::span<const Snapshot> snapshots) const {
    const auto updates =
        std::ranges::count_if(snapshots, [&](const Snapshot& snapshot) { return snapshot.index > window_.first - 2; });
    return std::min(order_, static_cast<int>(updates));
  }

  int interval_;
  int order_;
  std::string level_;
  bool by_sigma_;
  StepWindow window_;
};

}  // namespace

PolicyEntry taylorseer_entry() {
  return {.name = "taylorseer",
          .help = "compute every interval-th step, forecast the features in between",
          .disabled = "interval=1",
          .example = "interval=3,order=2,first=2,last=1",
          .options = {{.name = "interval",
                       .type = OptionType::kInteger,
                       .default_value = "3",
                       .help = "steps from one computed step to the next",
                       .minimum = 1},
                      {.name = "order",
                       .type = OptionType::kInteger,
                       .default_value = "1",
                       .help = "order of the Taylor polynomial; 0 reuses",
                       .maximum = 4},
                      {.name = "site",
                       .type = OptionType::kText,
                       .default_value = "unit",
                       .help = "what is forecast",
                       .choices = kSiteLevels},
                      {.name = "axis",
                       .type = OptionType::kText,
                       .default_value = "index",
                       .help = "positions of the forecast: step index or noise level",
                       .choices = {"index", "sigma"}},
                      {.name = "first",
                       .type = OptionType::kInteger,
                       .default_value = "3",
                       .help = "steps always computed at the start"},
                      {.name = "last",
                       .type = OptionType::kInteger,
                       .default_value = "0",
                       .help = "steps always computed at the end"}},
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<TaylorSeer>(options);
          }};
}

}  // namespace ditto
