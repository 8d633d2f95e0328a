#include "caches/background_blocks.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "caches/index_list.h"
#include "caches/preset.h"
#include "caches/profile_source.h"
#include "caches/refusal.h"
#include "core/error.h"
#include "io/json_file.h"

namespace ditto {
namespace {

constexpr const char* kMethod = "profilingdit";
constexpr const char* kBackground = "profilingdit:background";
constexpr const char* kArray = "foreground_attention";

std::vector<double> foreground_attention(const Profile& profile, int blocks) {
  const at::Tensor attention = profile.array(kArray).to(at::kDouble).contiguous();
  const double* data = attention.const_data_ptr<double>();
  std::vector<double> values(data, data + attention.numel());
  const auto finite = [](double value) { return std::isfinite(value); };
  if (attention.dim() != 1 || std::ssize(values) != blocks || !std::ranges::all_of(values, finite)) {
    throw Error(ExitCode::kBadInputFile, fmt::format("{}: '{}' is no list of {} numbers; accepted: one for each block",
                                                     profile.path.string(), kArray, blocks));
  }
  return values;
}

std::optional<BackgroundPlan> published_for(const Topology& topology) {
  const std::optional<nlohmann::json> preset = find_preset(kMethod, topology.identity);
  if (!preset) return std::nullopt;
  JsonReader entry(*preset, preset_source(kMethod));
  if (entry.integer("blocks") != topology.block_count()) {
    refuse_option(kBackground,
                  fmt::format("what is published is for {} blocks; this model has {}", entry.integer("blocks"),
                              topology.block_count()),
                  "background=0/2-7 or profile=NAME");
  }
  BackgroundPlan plan;
  plan.first = static_cast<int>(entry.integer("first", {0, 100'000}));
  for (JsonReader& group : entry.objects("groups")) {
    RefreshSchedule refresh;
    refresh.interval = static_cast<int>(group.integer("interval", {1, 100'000}, refresh.interval));
    if (group.has("steps")) {
      const std::vector<std::int64_t> steps = group.integers("steps", {0, 100'000});
      refresh.kind = RefreshSchedule::Kind::kList;
      refresh.steps.assign(steps.begin(), steps.end());
    }
    plan.groups.push_back({parse_index_list(group.text("background"), kBackground), refresh,
                           static_cast<int>(group.integer("of_steps", {0, 100'000}, 0))});
  }
  return plan;
}

BackgroundPlan given_background(const PolicyOptions& options, int blocks) {
  for (const char* option : {"profile", "target"}) refuse_without_effect(options, kMethod, option, "beside background");
  BackgroundPlan plan;
  plan.groups.push_back({parse_index_list(options.text("background"), kBackground), {}});
  const std::vector<int>& listed = plan.groups.front().blocks;
  if (!listed.empty() && listed.back() >= blocks) {
    refuse_option(kBackground, fmt::format("there is no block {}", listed.back()), fmt::format("0 to {}", blocks - 1));
  }
  return plan;
}

/// What a profile or, without one, the preset knows of the model.
BackgroundPlan known_background(const PolicyOptions& options, const Topology& topology, const RunInfo& run) {
  const ProfileSource source = find_profile(options.text("profile"), topology, run);
  if (source.profile && (!options.is_automatic("profile") || source.profile->has(kArray))) {
    const int blocks = topology.block_count();
    const std::vector<double> attention = foreground_attention(*source.profile, blocks);
    BackgroundPlan plan;
    plan.profile = profile_name(*source.profile);
    plan.target = options.number_or("target", plan.target);
    const auto count = std::lround(plan.target * blocks);
    plan.groups.push_back({least_attentive(attention, static_cast<int>(count)), {}});
    return plan;
  }
  refuse_without_effect(options, kMethod, "target", "without a profile");
  const std::optional<BackgroundPlan> published = published_for(topology);
  if (published) return *published;
  const std::string obstacle = source.profile ? "the shipped profile has none" : source.obstacle;
  refuse_option(kBackground,
                fmt::format("no background blocks are known for model '{}' ({}; nothing is published for it)",
                            topology.identity.name, obstacle),
                "background=0/2-7, or profile=NAME measured by dit-profile run");
}

}  // namespace

std::vector<int> least_attentive(const std::vector<double>& attention, int count) {
  std::vector<int> blocks(attention.size());
  std::iota(blocks.begin(), blocks.end(), 0);
  std::ranges::stable_sort(blocks, {}, [&](int block) { return attention[static_cast<std::size_t>(block)]; });
  blocks.resize(static_cast<std::size_t>(count));
  std::ranges::sort(blocks);
  return blocks;
}

BackgroundPlan find_background(const PolicyOptions& options, const Topology& topology, const RunInfo& run) {
  BackgroundPlan plan = options.is_automatic("background") ? known_background(options, topology, run)
                                                           : given_background(options, topology.block_count());
  plan.first = options.integer_or("first", plan.first);
  return plan;
}

}  // namespace ditto
