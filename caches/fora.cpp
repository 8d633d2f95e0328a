#include "caches/fora.h"

#include "caches/feature_sites.h"

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
    const int left = point.step.count - 1 - point.step.index;
    if (point.step.index == 0 || left % interval_ == 0) return Decision::recompute("interval");
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
