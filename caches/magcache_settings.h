#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "caches/registry.h"
#include "core/run_info.h"
#include "core/site.h"

namespace ditto {

/// What MagCache decides by for one model and run. The defaults are those of diffusers, for models without a preset.
struct MagCacheSettings {
  double threshold = 0.06;
  int max_reuse = 3;             ///< 0 sets no bound
  double retention = 0.2;        ///< share of the steps, from the first on, that are always computed
  bool retention_rounds = true;  ///< to the nearest number of steps instead of down
  bool equal_reuses = true;      ///< an error equal to the threshold is reused
  bool signed_error = false;     ///< 1 - ratio is accumulated instead of its absolute value
  bool square_root = false;      ///< of every ratio, before use
  std::vector<int> computed;     ///< steps of a run of `published_steps` that are always computed
  int published_steps = 0;
  std::map<Branch, std::vector<double>> ratios;  ///< of both branches, by step of the run they were measured in
  std::optional<std::string> profile;            ///< the one the ratios are from
};

/// Ratios from the option `ratios`, from a profile, or published for the model; the rest from options, the model's
/// preset or the defaults. Throws Error(kUsage) when there are no ratios, Error(kBadInputFile) for a profile that does
/// not fit.
MagCacheSettings magcache_settings(const PolicyOptions& options, const Topology& topology, const RunInfo& run);

/// For each of `count` steps the nearest of `measured` steps, ties to even, as MagCache's code stretches its lists.
std::vector<int> nearest_steps(int measured, int count);

}  // namespace ditto
