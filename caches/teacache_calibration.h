#pragma once

#include <optional>
#include <string>
#include <vector>

#include "caches/registry.h"
#include "caches/step_window.h"
#include "core/run_info.h"
#include "core/site.h"

namespace ditto {

/// What TeaCache compares in a run and how it reads the drift. `origin` says where the polynomial is from.
struct TeaCacheCalibration {
  std::string indicator = "emb";
  std::vector<double> coefficients = {1, 0};
  StepWindow window = {1, 1};
  std::string origin = "identity";
  std::optional<std::string> profile = {};  ///< the one the polynomial is from
};

/// Settles teacache's options for a run. An option that is given wins; then a measured polynomial (profile array
/// "teacache.<indicator>", highest power first); then `presets/teacache.json`. A model of which neither knows a
/// polynomial has its drift taken as it is, and `origin` says so.
TeaCacheCalibration calibrate_teacache(const PolicyOptions& options, const Topology& topology, const RunInfo& run);

}  // namespace ditto
