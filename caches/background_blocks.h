#pragma once

#include <optional>
#include <string>
#include <vector>

#include "caches/refresh_schedule.h"
#include "caches/registry.h"
#include "core/run_info.h"
#include "core/site.h"

namespace ditto {

/// Background blocks that are refreshed together. `of_steps` is the number of steps the refresh is published for, 0 for
/// any.
struct BackgroundGroup {
  std::vector<int> blocks;  ///< ascending
  RefreshSchedule refresh;
  int of_steps = 0;
};

/// What ProfilingDiT reuses in a run, and its first refresh step. `target` is the share of the blocks that counts where
/// they are from a profile.
struct BackgroundPlan {
  std::vector<BackgroundGroup> groups;
  int first = 6;
  double target = 0.65;
  std::optional<std::string> profile = {};
};

/// Settles profilingdit's options background, profile, target and first. Given blocks win; then those of a profile
/// (array "foreground_attention" [blocks]: the `target` share of blocks that attend least to the foreground); then
/// `presets/profilingdit.json`. Throws Error(kUsage) when nothing is known of the model.
BackgroundPlan find_background(const PolicyOptions& options, const Topology& topology, const RunInfo& run);

/// The `count` blocks of least attention, ascending; of equal ones those that come first.
std::vector<int> least_attentive(const std::vector<double>& attention, int count);

}  // namespace ditto
