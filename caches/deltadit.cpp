#include "caches/deltadit.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "caches/missed_refresh.h"
#include "caches/refusal.h"
#include "caches/settled_option.h"
#include "caches/step_window.h"

namespace ditto {
namespace {

constexpr double kRearShare = 0.6;
constexpr double kBlockShare = 0.75;

class DeltaDit : public CachePolicy {
 public:
  explicit DeltaDit(const PolicyOptions& options)
      : interval_(options.integer("interval")),
        blocks_(options.integer_or("blocks", -1)),
        rear_steps_(options.integer_or("rear_steps", -1)),
        window_(step_window(options)) {}

  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override {
    if (interval_ == 1) return {};
    const int depth = topology.block_count(), steps = static_cast<int>(schedule.size());
    if (blocks_ < 0) blocks_ = static_cast<int>(std::lround(kBlockShare * depth));
    if (rear_steps_ < 0) rear_steps_ = static_cast<int>(std::lround(kRearShare * steps));
    if (blocks_ > depth) {
      refuse_option("deltadit:blocks", fmt::format("{} is not possible", blocks_),
                    fmt::format("1 to the {} blocks of the model", depth));
    }
    if (rear_steps_ > steps) {
      refuse_option("deltadit:rear_steps", fmt::format("{} is not possible", rear_steps_),
                    fmt::format("0 to the {} steps of the run", steps));
    }
    return {.sites = sites(topology, steps)};
  }

  Decision decide(const DecisionPoint& point) override {
    const StepInfo& step = point.step;
    if (window_.must_compute(step)) return Decision::recompute("window");
    const Place& place = places_[static_cast<std::size_t>(point.site)];
    if (!(step.index < rear_steps_ ? place.is_rear : place.is_front)) return Decision::recompute("outside the range");
    if (step.index == rear_steps_) return Decision::recompute("the range changes");
    const auto is_due = [&](int index) { return index == rear_steps_ || index % interval_ == 0; };
    if (is_due(step.index)) return Decision::recompute("interval");
    if (missed_due(point, is_due)) return Decision::recompute(kMissedRefresh);
    return Decision::reuse("interval");
  }

  std::vector<SettledOption> settled_options() const override {
    return {settled("blocks", blocks_, blocks_ >= 0), settled("rear_steps", rear_steps_, rear_steps_ >= 0)};
  }

 private:
  /// Which ranges a site belongs to.
  struct Place {
    bool is_front = false;
    bool is_rear = false;
  };

  /// The first and the last `blocks_` blocks may overlap, which sites may not: what they share is a site of its own.
  /// The changes of neighbouring sites add up to that of the range.
  std::vector<Site> sites(const Topology& topology, int steps) {
    const int depth = topology.block_count();
    const int rear_begin = depth - blocks_;
    std::vector<Site> sites;
    const auto add = [&](int begin, int end, Place place) {
      if (begin >= end) return;
      sites.push_back(
          unit_site(topology, topology.block_begin(begin), topology.block_end(end - 1), FeatureForm::kDelta));
      places_.push_back(place);
    };
    if (rear_steps_ == 0) {
      add(0, blocks_, {.is_front = true});
    } else if (rear_steps_ == steps) {
      add(rear_begin, depth, {.is_rear = true});
    } else {
      add(0, std::min(blocks_, rear_begin), {.is_front = true});
      add(rear_begin, blocks_, {.is_front = true, .is_rear = true});
      add(std::max(blocks_, rear_begin), depth, {.is_rear = true});
    }
    return sites;
  }

  int interval_;
  int blocks_;      ///< -1 until it is settled
  int rear_steps_;  ///< likewise
  StepWindow window_;
  std::vector<Place> places_;  ///< by site
};

}  // namespace

PolicyEntry deltadit_entry() {
  return {.name = "deltadit",
          .help = "compute every interval-th step, reuse the change made by the last blocks early and the first later",
          .disabled = "interval=1",
          .example = "interval=3",
          .options = {{.name = "interval",
                       .type = OptionType::kInteger,
                       .default_value = "2",
                       .help = "steps from one computed step to the next",
                       .minimum = 1},
                      {.name = "blocks",
                       .type = OptionType::kInteger,
                       .default_value = kAutomatic,
                       .help = "blocks whose change is reused; auto: three quarters",
                       .minimum = 1},
                      {.name = "rear_steps",
                       .type = OptionType::kInteger,
                       .default_value = kAutomatic,
                       .help = "steps at the start that reuse the last blocks; auto: 0.6 of the run"},
                      first_option("1"),
                      last_option("1")},
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<DeltaDit>(options);
          }};
}

}  // namespace ditto
