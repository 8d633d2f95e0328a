#include "caches/magcache_settings.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/core/Tensor.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "caches/number_list.h"
#include "caches/preset.h"
#include "caches/profile_source.h"
#include "caches/refusal.h"
#include "core/error.h"
#include "io/json_file.h"

namespace ditto {
namespace {

constexpr NumberRange kPositive = {std::numeric_limits<double>::min()};
constexpr const char* kRatios = "residual_ratio";

using Ratios = std::map<Branch, std::vector<double>>;

Ratios for_both(const std::vector<double>& ratios) {
  return {{Branch::kConditional, ratios}, {Branch::kUnconditional, ratios}};
}

/// Of lists published for several resolutions the one nearest in area.
JsonReader nearest_in_area(std::vector<JsonReader> lists, const RunInfo& run) {
  const double area = static_cast<double>(run.width) * run.height;
  std::size_t nearest = 0;
  double smallest = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < lists.size() && lists.size() > 1 && area > 0; ++k) {
    const double published = lists[k].number("width", kPositive) * lists[k].number("height", kPositive);
    const double distance = std::abs(std::log(area / published));
    if (distance < smallest) nearest = k;
    smallest = std::min(smallest, distance);
  }
  return std::move(lists[nearest]);
}

MagCacheSettings published_settings(const nlohmann::json& preset, const RunInfo& run) {
  JsonReader reader(preset, preset_source("magcache"));
  reader.texts("names");
  MagCacheSettings settings;
  settings.threshold = reader.number("threshold", kPositive);
  settings.max_reuse = static_cast<int>(reader.integer("max_reuse", {1, 1'000'000}));
  settings.retention = reader.number("retention", {0, 1});
  settings.retention_rounds = reader.boolean("retention_rounds", false);
  settings.equal_reuses = reader.boolean("equal_reuses", false);
  settings.signed_error = reader.boolean("signed_error", false);
  settings.square_root = reader.boolean("square_root", false);
  for (const std::int64_t step : reader.integers("computed", {0, 1'000'000}, std::vector<std::int64_t>{})) {
    settings.computed.push_back(static_cast<int>(step));
  }
  std::vector<JsonReader> lists = reader.objects("ratios");
  reader.refuse_unknown_keys();
  if (lists.empty()) reader.fail("ratios", "is empty", "at least one list");
  JsonReader list = nearest_in_area(std::move(lists), run);
  const std::vector<double> conditional = list.numbers("conditional", kPositive);
  if (conditional.empty()) list.fail("conditional", "is empty", "a ratio for each step");
  settings.ratios = {{Branch::kConditional, conditional},
                     {Branch::kUnconditional, list.numbers("unconditional", kPositive, conditional)}};
  settings.published_steps = static_cast<int>(conditional.size());
  return settings;
}

Ratios given_ratios(const std::string& text) {
  const std::vector<double> ratios = parse_numbers(text, "magcache:ratios");
  if (std::ranges::any_of(ratios, [](double ratio) { return ratio <= 0; })) {
    refuse_option("magcache:ratios", fmt::format("'{}' has a ratio that is not positive", text), "numbers above 0");
  }
  return for_both(ratios);
}

/// The profile's rows are in the order of its branches.
Ratios measured_ratios(const Profile& profile, const RunInfo& run) {
  const at::Tensor array = profile.array(kRatios).to(at::kDouble).contiguous();
  const std::vector<Branch>& branches = profile.run.branches;
  if (array.dim() != 2 || array.size(0) != std::ssize(branches) || array.size(1) != profile.run.steps) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: '{}' has the shape [{}]; accepted: a row of {} steps for each of {} branches",
                            profile.path.string(), kRatios, fmt::join(array.sizes(), ", "), profile.run.steps,
                            branches.size()));
  }
  Ratios ratios;
  for (std::size_t row = 0; row < branches.size(); ++row) {
    const double* first = array.const_data_ptr<double>() + static_cast<std::int64_t>(row) * array.size(1);
    ratios[branches[row]] = {first, first + array.size(1)};
  }
  for (const Branch branch : run.branches) {
    if (ratios.contains(branch)) continue;
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: has no {} branch; accepted: a profile of a run with the same branches",
                            profile.path.string(), branch_name(branch)));
  }
  return ratios;
}

}  // namespace

MagCacheSettings magcache_settings(const PolicyOptions& options, const Topology& topology, const RunInfo& run) {
  if (!options.is_automatic("ratios")) {
    refuse_without_effect(options, "magcache", "profile", "where ratios are given");
  }
  const std::optional<nlohmann::json> preset = find_preset("magcache", topology.identity);
  MagCacheSettings settings = preset ? published_settings(*preset, run) : MagCacheSettings{};
  if (!options.is_automatic("ratios")) {
    settings.ratios = given_ratios(options.text("ratios"));
    settings.square_root = false;
  } else if (const ProfileSource source = find_profile(options.text("profile"), topology, run); source.profile) {
    settings.ratios = measured_ratios(*source.profile, run);
    settings.profile = profile_name(*source.profile);
    settings.square_root = false;
  } else if (!preset) {
    refuse_option("magcache:ratios",
                  fmt::format("none are published for model '{}' and {}", topology.identity.name, source.obstacle),
                  "profile=NAME made by dit-profile run, or ratios=a/b/c");
  }
  settings.threshold = options.number_or("threshold", settings.threshold);
  settings.max_reuse = options.integer_or("max_reuse", settings.max_reuse);
  settings.retention = options.number_or("retention", settings.retention);
  if (!options.is_automatic("compare")) settings.equal_reuses = options.text("compare") == "le";
  if (!options.is_automatic("square_root")) settings.square_root = options.flag("square_root");
  return settings;
}

std::vector<int> nearest_steps(int measured, int count) {
  std::vector<int> nearest(static_cast<std::size_t>(count), measured - 1);
  if (count == 1) return nearest;
  const double scale = (measured - 1.0) / (count - 1.0);
  for (int step = 0; step < count; ++step) {
    nearest[static_cast<std::size_t>(step)] = static_cast<int>(std::nearbyint(step * scale));
  }
  return nearest;
}

}  // namespace ditto
