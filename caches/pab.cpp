#include "caches/pab.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "caches/missed_refresh.h"
#include "caches/number_list.h"
#include "caches/preset.h"
#include "caches/refusal.h"
#include "caches/settled_option.h"
#include "caches/unit_kinds.h"
#include "core/error.h"
#include "io/json_file.h"

namespace ditto {
namespace {

/// A kind of attention with an interval of its own: the option that sets it and the interval of unlisted models.
struct AttentionKind {
  const char* option;
  bool (*holds)(std::string_view kind);
  int interval;
};

constexpr std::array<AttentionKind, 3> kAttentionKinds = {
    {{"temporal_attention", is_temporal_attention, 4},
     {"cross_attention", is_cross_attention, 6},
     {"self_attention", [](std::string_view kind) { return is_self_attention(kind) && !is_temporal_attention(kind); },
      2}}};

constexpr std::string_view kFeedForwardKind = "feed_forward";

bool is_feed_forward(const UnitInfo& unit) { return unit.kind == kFeedForwardKind; }

/// The broadcast of feed-forward outputs; no timesteps, no broadcast.
struct FeedForwardBroadcast {
  std::vector<double> timesteps;
  int blocks = 5;
  int reuse = 2;
};

/// What a run uses of options, preset and general settings.
struct Settings {
  std::map<std::string, int> intervals;  ///< 0 for a kind the model lacks
  double timestep_low = 100, timestep_high = 850;
  FeedForwardBroadcast feed_forward;
};

Settings published_settings(const Topology& topology) {
  Settings settings;
  for (const AttentionKind& kind : kAttentionKinds) settings.intervals[kind.option] = kind.interval;
  const std::optional<nlohmann::json> preset = find_preset("pab", topology.identity);
  if (!preset) return settings;
  JsonReader reader(*preset, preset_source("pab"));
  reader.texts("names");
  for (const AttentionKind& kind : kAttentionKinds) {
    // A kind the preset leaves out is not broadcast.
    settings.intervals[kind.option] = static_cast<int>(reader.integer(kind.option, {1, 1000}, 1));
  }
  settings.timestep_low = reader.number("timestep_low");
  settings.timestep_high = reader.number("timestep_high");
  if (reader.has("feed_forward")) {
    JsonReader broadcast = reader.object("feed_forward");
    settings.feed_forward = {broadcast.numbers("timesteps"), static_cast<int>(broadcast.integer("blocks", {1, 1000})),
                             static_cast<int>(broadcast.integer("reuse", {1, 1000}))};
  }
  reader.refuse_unknown_keys();
  return settings;
}

/// Of every step, whether feed-forward outputs are reused: in the steps after the one nearest to each timestep.
std::vector<bool> broadcast_steps(const FeedForwardBroadcast& broadcast, std::span<const StepInfo> schedule) {
  std::vector<bool> reused(schedule.size()), kept(schedule.size());
  for (const double timestep : broadcast.timesteps) {
    const auto nearest = std::ranges::min_element(
        schedule, {}, [&](const StepInfo& step) { return std::abs(step.timestep - timestep); });
    const auto key = static_cast<std::size_t>(nearest - schedule.begin());
    kept[key] = true;
    for (std::size_t step = key + 1; step <= key + broadcast.reuse && step < schedule.size(); ++step) {
      reused[step] = true;
    }
  }
  for (std::size_t step = 0; step < schedule.size(); ++step) reused[step] = reused[step] && !kept[step];
  return reused;
}

class Pab : public CachePolicy {
 public:
  explicit Pab(const PolicyOptions& options)
      : options_(options), form_(options.text("gate") == "stored" ? FeatureForm::kDelta : FeatureForm::kOutput) {}

  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override {
    settings_ = resolve(topology);
    if (settings_.timestep_high <= 0) return {};
    if (!(settings_.timestep_low < settings_.timestep_high)) {
      refuse_option("pab:timestep_low",
                    fmt::format("no timestep lies between {} and {}", settings_.timestep_low, settings_.timestep_high),
                    "less than timestep_high");
    }
    reused_feed_forward_ = broadcast_steps(settings_.feed_forward, schedule);
    for (const StepInfo& step : schedule) {
      in_window_.push_back(settings_.timestep_low < step.timestep && step.timestep < settings_.timestep_high);
    }
    const auto is_broadcast = [](const UnitInfo& unit) { return unit.kind.ends_with("attention"); };
    if (std::ranges::none_of(topology.units, is_broadcast)) {
      throw Error(ExitCode::kUsage, "--cache: pab: the model has no attention units; accepted: models that have some");
    }
    return {sites(topology)};
  }

  Decision decide(const DecisionPoint& point) override {
    const int interval = intervals_[static_cast<std::size_t>(point.site)];
    const bool counts_steps = interval != kFeedForward;
    const auto in_turn = [&](int index) {
      return counts_steps ? index % interval == 0 : !reused_feed_forward_[static_cast<std::size_t>(index)];
    };
    const auto is_due = [&](int index) {
      return in_turn(index) || (counts_steps && !in_window_[static_cast<std::size_t>(index)]);
    };
    if (in_turn(point.step.index)) return Decision::recompute(counts_steps ? "interval" : "no broadcast");
    if (is_due(point.step.index)) return Decision::recompute("window");
    if (missed_due(point, is_due)) return Decision::recompute(kMissedRefresh);
    return Decision::reuse("broadcast");
  }

  std::vector<SettledOption> settled_options() const override {
    const FeedForwardBroadcast& broadcast = settings_.feed_forward;
    const bool acts = settings_.timestep_high > 0, broadcasts = acts && !broadcast.timesteps.empty();
    std::vector<SettledOption> all = {settled("timestep_low", settings_.timestep_low, acts),
                                      settled("timestep_high", settings_.timestep_high, acts),
                                      settled("feed_forward_timesteps", broadcast.timesteps, acts),
                                      settled("feed_forward_blocks", broadcast.blocks, broadcasts),
                                      settled("feed_forward_reuse", broadcast.reuse, broadcasts)};
    for (const auto& [kind, interval] : settings_.intervals) {
      all.push_back(settled(kind, interval, acts && interval > 0));
    }
    return all;
  }

 private:
  static constexpr int kFeedForward = 0;  ///< in place of an interval

  Settings resolve(const Topology& topology) const {
    Settings settings = published_settings(topology);
    for (const AttentionKind& kind : kAttentionKinds) {
      const auto fits = [&](const UnitInfo& unit) { return kind.holds(unit.kind); };
      int& interval = settings.intervals[kind.option];
      interval = options_.integer_or(kind.option, interval);
      if (std::ranges::any_of(topology.units, fits)) continue;
      refuse_without_effect(options_, "pab", kind.option, "on a model without such units");
      interval = 0;
    }
    settings.timestep_low = options_.number_or("timestep_low", settings.timestep_low);
    settings.timestep_high = options_.number_or("timestep_high", settings.timestep_high);
    if (std::ranges::none_of(topology.units, is_feed_forward)) {
      refuse_without_effect(options_, "pab", "feed_forward_timesteps", "on a model without such units");
      settings.feed_forward.timesteps.clear();
    }
    resolve_feed_forward(settings.feed_forward);
    return settings;
  }

  void resolve_feed_forward(FeedForwardBroadcast& broadcast) const {
    const std::string& timesteps = options_.text("feed_forward_timesteps");
    if (timesteps == "none") {
      broadcast.timesteps.clear();
    } else if (timesteps != kAutomatic) {
      broadcast.timesteps = parse_numbers(timesteps, "pab:feed_forward_timesteps", "none, or timesteps 720/640/560");
    }
    if (broadcast.timesteps.empty()) {
      for (const char* option : {"feed_forward_blocks", "feed_forward_reuse"}) {
        refuse_without_effect(options_, "pab", option, "without feed_forward_timesteps");
      }
    }
    broadcast.blocks = options_.integer_or("feed_forward_blocks", broadcast.blocks);
    broadcast.reuse = options_.integer_or("feed_forward_reuse", broadcast.reuse);
  }

  std::vector<Site> sites(const Topology& topology) {
    std::vector<Site> sites;
    std::map<std::string, int> blocks_of_kind;  // by the kind of attention a block has
    int rank = 0;                               // of the current block among those of its kind
    intervals_.clear();
    for (int unit = 0; unit < topology.unit_count(); ++unit) {
      const std::string& kind = topology.units[static_cast<std::size_t>(unit)].kind;
      if (is_self_attention(kind)) rank = blocks_of_kind[kind]++;
      const int interval = interval_of(kind, rank);
      if (interval == 1) continue;
      intervals_.push_back(interval);
      // Attention to the text has no gate in the models of the paper: its output is what is added.
      const FeatureForm form = is_cross_attention(kind) ? FeatureForm::kOutput : form_;
      sites.push_back(unit_site(topology, unit, unit + 1, form));
    }
    return sites;
  }

  /// 1 for units that are not broadcast.
  int interval_of(const std::string& kind, int rank) const {
    for (const AttentionKind& attention : kAttentionKinds) {
      if (attention.holds(kind)) return settings_.intervals.at(attention.option);
    }
    const bool broadcast = kind == kFeedForwardKind && !settings_.feed_forward.timesteps.empty();
    return broadcast && rank < settings_.feed_forward.blocks ? kFeedForward : 1;
  }

  PolicyOptions options_;
  FeatureForm form_;
  Settings settings_;
  std::vector<int> intervals_;                         ///< by site
  std::vector<bool> reused_feed_forward_, in_window_;  ///< by executed step
};

}  // namespace

PolicyEntry pab_entry() {
  const auto interval = [](const char* name, const char* help) {
    return OptionSpec{
        .name = name, .type = OptionType::kInteger, .default_value = kAutomatic, .help = help, .minimum = 1};
  };
  return {.name = "pab",
          .help = "recompute each kind of attention at an interval of its own inside a window of timesteps",
          .disabled = "timestep_high=0",
          .options = {interval("self_attention",
                               "steps from one self-attention (spatial attention) to the next; auto: "
                               "the model's published setting, or 2"),
                      interval("temporal_attention", "the same of temporal attention; auto: published, or 4"),
                      interval("cross_attention", "the same of attention to the text; auto: published, or 6"),
                      {.name = "timestep_low",
                       .type = OptionType::kNumber,
                       .default_value = kAutomatic,
                       .help = "nothing is reused at or below this timestep; auto: published, or 100"},
                      {.name = "timestep_high",
                       .type = OptionType::kNumber,
                       .default_value = kAutomatic,
                       .help = "nothing is reused at or above this timestep; auto: published, or 850"},
                      {.name = "gate",
                       .type = OptionType::kText,
                       .default_value = "stored",
                       .help = "stored: what is reused, but for attention to the text, has passed the gate when it was "
                               "computed; current: it passes the gate of the present step",
                       .choices = {"stored", "current"}},
                      {.name = "feed_forward_timesteps",
                       .type = OptionType::kText,
                       .default_value = kAutomatic,
                       .help = "timesteps a/b/c after which feed-forward outputs are reused, or none; auto: published, "
                               "or none"},
                      {.name = "feed_forward_blocks",
                       .type = OptionType::kInteger,
                       .default_value = kAutomatic,
                       .help = "first blocks, of each kind, whose feed-forward is reused; auto: published, or 5",
                       .minimum = 1},
                      {.name = "feed_forward_reuse",
                       .type = OptionType::kInteger,
                       .default_value = kAutomatic,
                       .help = "consecutive steps that reuse it; auto: published, or 2",
                       .minimum = 1}},
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<Pab>(options);
          }};
}

}  // namespace ditto
