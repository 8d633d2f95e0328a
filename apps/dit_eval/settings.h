#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "apps/dit_eval/scenario.h"

namespace ditto {

/// A row of a scenario at one of its values, as it is run.
struct Setting {
  const ScenarioRow* row;
  std::string value;
  double goal;         ///< wanted speed-up; 0 without
  std::string name;    ///< ScenarioRow::setting()
  std::string inputs;  ///< EvaluationRecord::inputs
};

/// Measured speed-up of every value of a row.
using SpeedUps = std::map<std::string, double>;

/// All settings of a scenario; with goals, those of every row whose speed-up comes nearest to each. What `tune`
/// measures is kept in `tuning`, and measured again only when the row or a file that it reads has changed.
std::vector<Setting> choose_settings(const Scenario& scenario, const std::filesystem::path& tuning,
                                     const std::function<SpeedUps(const ScenarioRow& row)>& tune);

}  // namespace ditto
