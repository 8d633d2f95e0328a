#include "caches/interval.h"

#include "caches/feature_sites.h"
#include "caches/step_window.h"

namespace ditto {
namespace {

class Interval : public CachePolicy {
 public:
  explicit Interval(const PolicyOptions& options)
      : interval_(options.integer("interval")), level_(options.text("site")), window_(step_window(options)) {}

  Plan plan(const Topology& topology, std::span<const StepInfo>) override {
    if (interval_ == 1) return {};
    return {sites_of_level(level_, topology, 1)};
  }

  Decision decide(const DecisionPoint& point) override {
    if (window_.must_compute(point.step)) return Decision::recompute("window");
    if (point.age() < 0 || point.age() >= interval_) return Decision::recompute("interval");
    return Decision::reuse("interval");
  }

 private:
  int interval_;
  std::string level_;
  StepWindow window_;
};

}  // namespace

PolicyEntry interval_entry() {
  return {.name = "interval",
          .help = "recompute every interval-th step, reuse in between",
          .disabled = "interval=1",
          .example = "interval=3,first=2,last=1",
          .options = {{.name = "interval",
                       .type = OptionType::kInteger,
                       .default_value = "2",
                       .help = "steps from one computed step to the next",
                       .minimum = 1},
                      {.name = "site",
                       .type = OptionType::kText,
                       .default_value = "stack",
                       .help = "what is reused",
                       .choices = kSiteLevels},
                      first_option("1"),
                      last_option("0")},
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<Interval>(options);
          }};
}

}  // namespace ditto
