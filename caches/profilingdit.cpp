#include "caches/profilingdit.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "caches/background_blocks.h"
#include "caches/index_list.h"
#include "caches/missed_refresh.h"
#include "caches/profile_source.h"
#include "caches/refusal.h"
#include "caches/settled_option.h"
#include "caches/step_window.h"

namespace ditto {
namespace {

using Kind = RefreshSchedule::Kind;

const char* name_of(Kind kind) {
  if (kind == Kind::kList) return "list";
  return kind == Kind::kFalling ? "eq15" : "uniform";
}

/// The refresh schedule the options ask for; nothing when it is left to what is known of the model.
std::optional<RefreshSchedule> given_refresh(const PolicyOptions& options) {
  const auto given = [&](const char* option) { return !options.is_automatic(option); };
  std::string kind = options.text("refresh");
  if (kind == kAutomatic && given("interval")) kind = "uniform";
  if (kind == kAutomatic && given("steps")) kind = "list";
  if (kind == kAutomatic && (given("longest") || given("shortest"))) kind = "eq15";
  if (kind == kAutomatic) return std::nullopt;

  const std::string why = "with refresh=" + kind;
  if (kind != "uniform") refuse_without_effect(options, "profilingdit", "interval", why);
  if (kind != "list") refuse_without_effect(options, "profilingdit", "steps", why);
  for (const char* option : {"longest", "shortest"}) {
    if (kind != "eq15") refuse_without_effect(options, "profilingdit", option, why);
  }
  RefreshSchedule refresh;
  refresh.interval = options.integer_or("interval", refresh.interval);
  refresh.longest = options.integer_or("longest", refresh.longest);
  refresh.shortest = options.integer_or("shortest", refresh.shortest);
  if (refresh.shortest > refresh.longest) {
    refuse_option("profilingdit:shortest", fmt::format("{} is more than longest", refresh.shortest),
                  fmt::format("2 to {}", refresh.longest));
  }
  if (kind == "eq15") refresh.kind = Kind::kFalling;
  if (kind == "list") {
    if (!given("steps")) refuse_option("profilingdit:steps", "is needed with refresh=list", "steps=6/18/26");
    refresh.kind = Kind::kList;
    refresh.steps = parse_index_list(options.text("steps"), "profilingdit:steps");
  }
  return refresh;
}

class ProfilingDiT : public CachePolicy {
 public:
  explicit ProfilingDiT(const PolicyOptions& options) : options_(options), refresh_(given_refresh(options)) {}

  void begin(const Topology& topology, const RunInfo& run) override {
    if (is_disabled()) return;
    background_ = find_background(options_, topology, run);
    for (BackgroundGroup& group : background_.groups) {
      if (!refresh_) continue;
      group.refresh = *refresh_;
      group.of_steps = 0;
    }
  }

  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override {
    if (is_disabled()) return {};
    Plan plan;
    for (const BackgroundGroup& group : background_.groups) {
      check_steps(group, static_cast<int>(schedule.size()));
      const std::vector<bool> computed = group.refresh.computed(background_.first, static_cast<int>(schedule.size()));
      for (const auto& [first, last] : consecutive_runs(group.blocks)) {
        plan.sites.push_back(
            unit_site(topology, topology.block_begin(first), topology.block_end(last), FeatureForm::kDelta));
        refreshed_.push_back(computed);
      }
    }
    return plan;
  }

  Decision decide(const DecisionPoint& point) override {
    const std::vector<bool>& refreshed = refreshed_[static_cast<std::size_t>(point.site)];
    const auto is_due = [&](int index) { return refreshed[static_cast<std::size_t>(index)]; };
    if (point.step.index < background_.first) return Decision::recompute("window");
    if (is_due(point.step.index)) return Decision::recompute("refresh");
    if (missed_due(point, is_due)) return Decision::recompute(kMissedRefresh);
    return Decision::reuse("background");
  }

  std::vector<SettledOption> settled_options() const override {
    std::vector<int> blocks;
    RefreshSchedule refresh = refresh_.value_or(RefreshSchedule{});
    for (const BackgroundGroup& group : background_.groups) {
      blocks.insert(blocks.end(), group.blocks.begin(), group.blocks.end());
      refresh = group.refresh;
    }
    std::ranges::sort(blocks);
    // Published groups are refreshed each in its own way, which no option can say.
    const bool differs = !refresh_ && background_.groups.size() > 1;
    const auto is = [&](Kind kind) { return !differs && refresh.kind == kind; };
    return {settled("background", blocks),
            settled("profile", background_.profile.value_or("none")),
            settled("target", background_.target, background_.profile.has_value()),
            settled("refresh", differs ? "published" : name_of(refresh.kind)),
            settled("interval", refresh.interval, is(Kind::kUniform)),
            settled("steps", refresh.steps, is(Kind::kList)),
            settled("longest", refresh.longest, is(Kind::kFalling)),
            settled("shortest", refresh.shortest, is(Kind::kFalling)),
            settled("first", background_.first, !is_disabled())};
  }

 private:
  bool is_disabled() const { return refresh_ && refresh_->kind == Kind::kUniform && refresh_->interval == 1; }

  /// Lists of steps mean the number of steps they were made for.
  static void check_steps(const BackgroundGroup& group, int steps) {
    if (group.of_steps != 0 && group.of_steps != steps) {
      refuse_option("profilingdit:refresh",
                    fmt::format("the published refresh steps are for {} steps; this run has {}", group.of_steps, steps),
                    "refresh=uniform, refresh=eq15, or refresh=list with steps");
    }
    if (!group.refresh.steps.empty() && group.refresh.steps.back() >= steps) {
      refuse_option("profilingdit:steps", fmt::format("there is no step {}", group.refresh.steps.back()),
                    fmt::format("0 to {}", steps - 1));
    }
  }

  PolicyOptions options_;
  std::optional<RefreshSchedule> refresh_;
  BackgroundPlan background_;
  std::vector<std::vector<bool>> refreshed_;  ///< by site, then step: computed
};

std::vector<OptionSpec> options() {
  return {{.name = "background",
           .type = OptionType::kText,
           .default_value = kAutomatic,
           .help = "blocks that are reused, like 0/2-7/10-20, or none; auto: from profile or preset"},
          profile_option("the foreground attention of blocks"),
          {.name = "target",
           .type = OptionType::kNumber,
           .default_value = kAutomatic,
           .help = "share of a profile's blocks that are reused; auto: 0.65",
           .maximum = 1},
          {.name = "refresh",
           .type = OptionType::kText,
           .default_value = kAutomatic,
           .help = "when they are computed: every interval-th step, at listed steps, or at distances that fall; auto: "
                   "as published, else uniform",
           .choices = {"uniform", "list", "eq15"}},
          {.name = "interval",
           .type = OptionType::kInteger,
           .default_value = kAutomatic,
           .help = "steps from one refresh to the next; auto: 6",
           .minimum = 1},
          {.name = "steps",
           .type = OptionType::kText,
           .default_value = kAutomatic,
           .help = "refresh steps of refresh=list, like 6/18/26"},
          {.name = "longest",
           .type = OptionType::kInteger,
           .default_value = kAutomatic,
           .help = "first distance of refresh=eq15; auto: 12",
           .minimum = 2},
          {.name = "shortest",
           .type = OptionType::kInteger,
           .default_value = kAutomatic,
           .help = "last distance of refresh=eq15; auto: 2",
           .minimum = 2},
          first_option(kAutomatic, "; auto: as published, else 6")};
}

}  // namespace

PolicyEntry profilingdit_entry() {
  return {.name = "profilingdit",
          .help = "reuse the change made by blocks that attend to the background",
          .disabled = "interval=1",
          .example = "background=1,interval=3,first=2",
          .options = options(),
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<ProfilingDiT>(options);
          }};
}

}  // namespace ditto
