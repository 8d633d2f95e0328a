#include "caches/fora.h"

#include "caches/feature_sites.h"
#include "caches/missed_refresh.h"

namespace ditto {
namespace {

class Fora : public CachePolicy {
 public:
  explicit Fora(const PolicyOptions& options) : interval_(options.integer("interval")) {}

  Plan plan(const Topology& topology, std::span<const StepInfo>) override {
    if (interval_ == 1) return {};
    return {sites_of_level("unit", topology, 1)};
  }

  Decision decide(const DecisionPoint& point) override {
    const auto is_due = [&](int index) { return index == 0 || (point.step.count - 1 - index) % interval_ == 0; };
    if (is_due(point.step.index)) return Decision::recompute("interval");
    if (missed_due(point, is_due)) return Decision::recompute(kMissedRefresh);
    return Decision::reuse("interval");
  }

 private:
  int interval_;
};

}  // namespace

PolicyEntry fora_entry() {
  return {.name = "fora",
          .help = "recompute every interval-th step counted from the end, reuse the outputs of all units in between",
          .disabled = "interval=1",
          .options = {{.name = "interval",
                       .type = OptionType::kInteger,
                       .default_value = "3",
                       .help = "steps from one computed step to the next",
                       .minimum = 1}},
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<Fora>(options);
          }};
}

}  // namespace ditto
