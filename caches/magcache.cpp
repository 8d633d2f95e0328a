#include "caches/magcache.h"

#include <algorithm>
#include <cmath>

#include "caches/block_range.h"
#include "caches/branch_choice.h"
#include "caches/magcache_settings.h"
#include "caches/profile_source.h"
#include "caches/refusal.h"
#include "caches/settled_option.h"
#include "caches/since_computed.h"

namespace ditto {
namespace {

/// Ratios and rules of MagCacheSettings for the steps of one run.
class StepRatios {
 public:
  StepRatios() = default;
  StepRatios(const MagCacheSettings& settings, int node_count) {
    for (const auto& [branch, measured] : settings.ratios) {
      for (const int step : nearest_steps(static_cast<int>(measured.size()), node_count)) {
        const double ratio = measured[static_cast<std::size_t>(step)];
        by_node_[branch].push_back(settings.square_root ? std::sqrt(ratio) : ratio);
      }
    }
    const double retained = node_count * settings.retention;
    retained_ = static_cast<int>(std::floor(settings.retention_rounds ? retained + 0.5 : retained));
    if (settings.published_steps == 0) return;
    const std::vector<int> published = nearest_steps(settings.published_steps, node_count);
    for (int node = 0; node < node_count; ++node) {
      const int step = published[static_cast<std::size_t>(node)];
      if (std::ranges::find(settings.computed, step) != settings.computed.end()) computed_.push_back(node);
    }
  }

  double at(Branch branch, int node) const { return by_node_.at(branch)[static_cast<std::size_t>(node)]; }
  bool is_retained(int node) const { return node < retained_; }
  bool is_always_computed(int node) const { return std::ranges::find(computed_, node) != computed_.end(); }

 private:
  std::map<Branch, std::vector<double>> by_node_;
  int retained_ = 0;
  std::vector<int> computed_;
};

class MagCache : public CachePolicy {
 public:
  explicit MagCache(const PolicyOptions& options)
      : options_(options),
        is_off_(options.number_or("threshold", 1) <= 0),
        branch_(options),
        last_blocks_(options.integer("last_blocks")) {}

  void begin(const Topology& topology, const RunInfo& run) override {
    if (is_off_) return;
    if (run.branches.size() == 1 && branch_.conditional_decides()) {
      refuse_option("magcache:branch", "has no effect in a run of one branch", "leaving it out");
    }
    settings_ = magcache_settings(options_, topology, run);
    const auto& ratios = settings_.ratios;
    if (branch_.conditional_decides() && ratios.at(Branch::kConditional) == ratios.at(Branch::kUnconditional)) {
      refuse_option("magcache:branch", "has no effect with ratios that both branches share", "leaving it out");
    }
  }

  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override {
    if (is_off_) return {};
    ratios_ = StepRatios(settings_, schedule.front().node_count);
    return {{block_range_site(topology, "magcache", 0, last_blocks_)}};
  }

  Decision decide(const DecisionPoint& point) override {
    return branch_.decide(point, [&](const DecisionPoint& asked) { return judge(asked); });
  }

  std::vector<SettledOption> settled_options() const override {
    const bool acts = !is_off_;
    return {settled("threshold", settings_.threshold, acts),
            settled("max_reuse", settings_.max_reuse, acts),
            settled("retention", settings_.retention, acts),
            settled_ratios(),
            settled("profile", settings_.profile.value_or("none")),
            settled("square_root", settings_.square_root, acts),
            settled("compare", settings_.equal_reuses ? "le" : "lt", acts)};
  }

 private:
  /// The option holds one list: those of branches that differ are named by their origin.
  SettledOption settled_ratios() const {
    std::vector<double> shared;
    for (const auto& [branch, ratios] : settings_.ratios) {
      if (shared.empty()) shared = ratios;
      if (ratios != shared) return settled("ratios", settings_.profile ? "profile" : "published");
    }
    return settled("ratios", shared);
  }

  Decision judge(const DecisionPoint& point) {
    if (ratios_.is_retained(point.step.node)) return Decision::recompute("retention");
    const double error = advance(point);
    if (ratios_.is_always_computed(point.step.node)) return Decision::recompute("always computed", error);
    if (settings_.max_reuse > 0 && point.age() > settings_.max_reuse) return Decision::recompute("max_reuse", error);
    const bool small = settings_.equal_reuses ? error <= settings_.threshold : error < settings_.threshold;
    if (small) return Decision::reuse("magnitude error below threshold", error);
    return Decision::recompute("magnitude error", error);
  }

  /// Since the last computed step: the forecast ratio of magnitudes and its error summed over the steps.
  struct Drift {
    int node = -1;
    double ratio = 1;
    double error = 0;
  };

  /// Takes the drift to this step, over nodes that were jumped too, and returns its error.
  double advance(const DecisionPoint& point) {
    Drift& drift = drift_.at(point);
    if (drift.node < 0) drift.node = point.snapshots.empty() ? point.step.node - 1 : point.snapshots.front().node;
    while (drift.node < point.step.node) drift.ratio *= ratios_.at(point.branch, ++drift.node);
    const double error = 1 - drift.ratio;
    drift.error += settings_.signed_error ? error : std::abs(error);
    return drift.error;
  }

  PolicyOptions options_;
  bool is_off_;
  BranchChoice branch_;
  int last_blocks_;
  MagCacheSettings settings_;
  StepRatios ratios_;
  SinceComputed<Drift> drift_;
};

}  // namespace

PolicyEntry magcache_entry() {
  return {
      .name = "magcache",
      .help = "reuse the change made by all units while its magnitude, known from a measurement, changes little",
      .disabled = "threshold=0",
      .example = "ratios=1/1/0.75,threshold=0.25,max_reuse=2",
      .options = {{.name = "threshold",
                   .type = OptionType::kNumber,
                   .default_value = kAutomatic,
                   .help = "largest accumulated magnitude error that is reused; auto: the model's, or 0.06"},
                  {.name = "max_reuse",
                   .type = OptionType::kInteger,
                   .default_value = kAutomatic,
                   .help = "most steps reused in a row; 0 sets no bound; auto: the model's, or 3"},
                  {.name = "retention",
                   .type = OptionType::kNumber,
                   .default_value = kAutomatic,
                   .help = "share of the steps, from the first on, always computed; auto: the model's, or 0.2",
                   .maximum = 1},
                  {.name = "ratios",
                   .type = OptionType::kText,
                   .default_value = kAutomatic,
                   .help = "magnitude of each step over that of the step before, a/b/c; auto: profile or published"},
                  profile_option("the magnitude ratios"),
                  {.name = "square_root",
                   .type = OptionType::kFlag,
                   .default_value = kAutomatic,
                   .help = "take the square root of every ratio; auto: as published for the model"},
                  {.name = "compare",
                   .type = OptionType::kText,
                   .default_value = kAutomatic,
                   .help = "whether errors below the threshold (lt) or up to it (le) are reused; auto: as published",
                   .choices = {"lt", "le"}},
                  branch_option(),
                  {.name = "last_blocks",
                   .type = OptionType::kInteger,
                   .default_value = "0",
                   .help = "blocks at the end that always run"}},
      .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
        return std::make_unique<MagCache>(options);
      }};
}

}  // namespace ditto
