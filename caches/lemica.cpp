#include "caches/lemica.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "caches/missed_refresh.h"
#include "caches/planners/edge_graph.h"
#include "caches/planners/lexicographic.h"
#include "caches/preset.h"
#include "caches/profile_source.h"
#include "caches/refusal.h"
#include "caches/settled_option.h"
#include "core/error.h"
#include "io/json_file.h"

namespace ditto {
namespace {

constexpr const char* kCompute = "lemica:compute";

std::vector<int> planned(const Profile& profile, int compute) {
  const PlanGraph graph = edge_graph(profile);
  try {
    return lexicographic_minimax_path(graph, compute);
  } catch (const Error& error) {
    // The planner speaks of its own option, --compute.
    const std::string message = error.what();
    throw Error(error.code(), message.starts_with("--compute") ? "--cache: lemica:" + message.substr(2) : message);
  }
}

/// What is published for a model, to be named when it does not serve.
std::string published_for(const ModelIdentity& model) {
  const std::optional<nlohmann::json> preset = find_preset("lemica", model);
  if (!preset) return "nothing is published for this model";
  JsonReader entry(*preset, preset_source("lemica"));
  std::vector<std::string> budgets;
  for (const auto& item : entry.value("schedules").items()) budgets.push_back(item.key());
  return fmt::format("published for {} steps: {}", entry.integer("steps"), fmt::join(budgets, ", "));
}

class LeMiCa : public CachePolicy {
 public:
  explicit LeMiCa(const PolicyOptions& options)
      : compute_(options.integer("compute")), profile_(options.text("profile")) {}

  void begin(const Topology& topology, const RunInfo& run) override {
    if (compute_ == 0 || compute_ == run.steps) return;
    if (compute_ > run.steps || compute_ < 2) {
      refuse_option(kCompute, fmt::format("{} of {} steps is not possible", compute_, run.steps),
                    fmt::format("2 to {}, or 0 for all", run.steps));
    }
    computed_ = find_schedule(topology, run);
  }

  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override {
    if (computed_.empty()) return {};
    if (schedule.front().count != schedule.front().node_count) {
      refuse_option("lemica",
                    fmt::format("its schedule is made for all {} steps; another policy jumps over some",
                                schedule.front().node_count),
                    "lemica without policies that leave out steps");
    }
    return {.sites = {unit_site(topology, 0, topology.unit_count(), FeatureForm::kDelta)}};
  }

  Decision decide(const DecisionPoint& point) override {
    const auto is_due = [&](int step) { return std::ranges::binary_search(computed_, step); };
    if (is_due(point.step.index)) return Decision::recompute("scheduled");
    if (missed_due(point, is_due)) return Decision::recompute(kMissedRefresh);
    return Decision::reuse("between scheduled steps");
  }

  std::vector<SettledOption> settled_options() const override {
    return {settled("profile", planned_from_.value_or("none"))};
  }

 private:
  std::vector<int> find_schedule(const Topology& topology, const RunInfo& run) {
    const ProfileSource source = find_profile(profile_, topology, run);
    if (source.profile && (profile_ != kAutomatic || source.profile->has("edge_error"))) {
      planned_from_ = profile_name(*source.profile);
      return planned(*source.profile, compute_);
    }
    const std::vector<int> released = released_schedule(topology.identity, run.steps, compute_);
    if (!released.empty()) return released;
    const std::string obstacle = source.profile ? "the shipped profile has no edge errors" : source.obstacle;
    refuse_option(kCompute,
                  fmt::format("no schedule of {} among {} steps is known for model '{}' ({}; {})", compute_, run.steps,
                              topology.identity.name, obstacle, published_for(topology.identity)),
                  "profile=NAME, measured by dit-profile run");
  }

  int compute_;
  std::string profile_;
  std::optional<std::string> planned_from_;
  std::vector<int> computed_;  ///< ascending; empty for full compute
};

}  // namespace

std::vector<int> released_schedule(const ModelIdentity& model, int steps, int compute) {
  const std::optional<nlohmann::json> preset = find_preset("lemica", model);
  if (!preset) return {};
  JsonReader entry(*preset, preset_source("lemica"));
  const std::string budget = fmt::format("{}", compute);
  JsonReader schedules = entry.object("schedules");
  if (entry.integer("steps", {2, 100'000}) != steps || !schedules.has(budget)) return {};
  const std::int64_t max_skip = entry.integer("max_skip", {1, steps});
  const std::vector<std::int64_t> list = schedules.integers(budget, {0, steps - 1});
  const auto is_gap = [&](std::int64_t from, std::int64_t to) { return to <= from || to - from > max_skip; };
  if (std::ssize(list) != compute || list.front() != 0 || list.back() != steps - 1 ||
      std::ranges::adjacent_find(list, is_gap) != list.end()) {
    schedules.fail(budget, "is no schedule of that many steps",
                   fmt::format("{} ascending steps from 0 to {}, at most {} apart", compute, steps - 1, max_skip));
  }
  return {list.begin(), list.end()};
}

PolicyEntry lemica_entry() {
  return {.name = "lemica",
          .help = "compute the steps of a planned path, reuse the change made by all units in between",
          .disabled = "compute=0",
          .example = "compute=7",
          .options = {{.name = "compute",
                       .type = OptionType::kInteger,
                       .default_value = "25",
                       .help = "steps to compute, the first and the last among them; 0 computes all"},
                      profile_option("its edge errors")},
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<LeMiCa>(options);
          }};
}

}  // namespace ditto
