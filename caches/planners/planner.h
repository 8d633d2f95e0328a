#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "caches/planners/jumps.h"
#include "caches/planners/plan_file.h"
#include "core/profile.h"
#include "core/trace.h"

namespace ditto {

/// What is wanted of a planner. What is not set is the planner's default; what is set and not among its options is an
/// error.
struct PlanRequest {
  std::string policy;  ///< name of the planner
  int compute = 0;     ///< steps to compute
  std::optional<int> order = {};
  std::optional<int> max_gap = {};
  std::optional<int> first = {};
  std::optional<int> last = {};
  std::optional<int> max_reuse = {};
  std::optional<double> retention = {};
  std::optional<std::string> form = {};
  std::optional<std::string> criterion = {};
  /// Runs a schedule and returns its error, smaller is better; empty when there is no model to run.
  std::function<double(const Trace&)> measure = {};
};

/// A named number that says how good a plan should be.
using PlanFigure = std::pair<std::string, double>;

/// A sub-schedule that a closed loop ran.
struct MeasuredPlan {
  std::string criteria;  ///< "sum, q2"
  Trace schedule;
  std::vector<PlanFigure> predicted;
  double measured = 0;
};

struct ProfilePlan {
  Trace schedule;
  std::vector<PlanFigure> predicted;
  std::optional<double> measured;
  std::vector<MeasuredPlan> candidates;  ///< best first; empty unless several were run
};

/// A line of the table of planners.
struct PlannerEntry {
  std::string name;
  std::string help;
  std::vector<std::string> options;  ///< of PlanRequest, spelled as in "max-gap"
  ProfilePlan (*plan)(const Profile& profile, const PlanRequest& request);
};

PlannerEntry lemica_planner();
PlannerEntry sum_planner();
PlannerEntry magcache_planner();
PlannerEntry dpcache_planner();
PlannerEntry jumps_planner();

/// Every planner, in the order in which they are listed to users.
std::span<const PlannerEntry> planners();

/// A schedule from a profile. Throws Error(kUsage) for a planner, an option or a number of steps that is not possible,
/// Error(kBadInputFile) for a profile that does not hold what the planner needs.
ProfilePlan plan_from_profile(const Profile& profile, const PlanRequest& request);

/// What a plan of that profile is made for; `options` are those of the planner, for the schedule's first line.
PlanOrigin origin_of(const Profile& profile, const PlanRequest& request, const std::string& options);

}  // namespace ditto
