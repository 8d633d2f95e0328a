#include "apps/dit_eval/settings.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/policy_files.h"
#include "io/atomic_file.h"
#include "io/json_file.h"
#include "io/sha256.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

using Tuning = std::map<std::string, SpeedUps>;  // by tuning_name()

/// A digest of the files that the policies read; empty without any.
std::string digest_of_files(const std::vector<PolicySpec>& policies) {
  std::string digests;
  for (const fs::path& file : files_read_by(policies)) digests += sha256_file(file);
  return digests.empty() ? digests : sha256(digests);
}

/// What a row's tuning is kept under: it is tuned again when a file that it reads has changed.
std::string tuning_name(const ScenarioRow& row) {
  std::string digests;
  for (const std::string& value : row.values) digests += digest_of_files(row.policies(value));
  return digests.empty() ? row.name : fmt::format("{} {}", row.name, sha256(digests));
}

Tuning read_tuning(const fs::path& path) {
  Tuning tuning;
  if (!fs::exists(path)) return tuning;
  const nlohmann::json document = read_json_file(path);
  JsonReader rows(document, path.string());
  for (const auto& [name, speed_ups] : document.items()) {
    JsonReader row = rows.object(name);
    for (const auto& [value, speed_up] : speed_ups.items()) tuning[name][value] = row.number(value, {1e-9, 1e9});
  }
  return tuning;
}

void write_tuning(const fs::path& path, const Tuning& tuning) {
  write_text_file(path, nlohmann::ordered_json(tuning).dump(2) + "\n");
}

Setting setting_of(const ScenarioRow& row, const std::string& value, double goal) {
  return {&row, value, goal, row.setting(value), digest_of_files(row.policies(value))};
}

}  // namespace

std::vector<Setting> choose_settings(const Scenario& scenario, const fs::path& tuning,
                                     const std::function<SpeedUps(const ScenarioRow& row)>& tune) {
  std::vector<Setting> settings;
  Tuning measured = read_tuning(tuning);
  for (const ScenarioRow& row : scenario.rows) {
    if (scenario.goals.empty()) {
      for (const std::string& value : row.values) settings.push_back(setting_of(row, value, 0));
      continue;
    }
    SpeedUps& speed_ups = measured[tuning_name(row)];
    const auto is_measured = [&](const std::string& value) { return speed_ups.contains(value); };
    if (!std::ranges::all_of(row.values, is_measured)) {
      speed_ups = tune(row);
      write_tuning(tuning, measured);
    }
    for (const double goal : scenario.goals) {
      const auto distance = [&](const std::string& value) { return std::abs(std::log(speed_ups.at(value) / goal)); };
      settings.push_back(setting_of(row, *std::ranges::min_element(row.values, {}, distance), goal));
    }
  }
  return settings;
}

}  // namespace ditto
