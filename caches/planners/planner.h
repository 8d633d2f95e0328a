#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "caches/planners/plan_file.h"
#include "core/profile.h"
#include "core/trace.h"

namespace ditto {

/// Runs schedules on some prompts.
struct PlanRunner {
  /// Error of a schedule on one of the prompts, smaller is better; empty when there is no model to run.
  std::function<double(const Trace&, int prompt)> error = {};
  int prompts = 0;

  explicit operator bool() const { return static_cast<bool>(error); }
};

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
  std::optional<std::string> average = {};
  std::optional<double> emphasis = {};
  std::optional<int> refine = {};  ///< rounds of moving steps in a closed loop
  PlanRunner runner = {};
};

/// A named number that says how good a plan should be.
using PlanFigure = std::pair<std::string, double>;

/// A sub-schedule that a closed loop ran.
struct MeasuredPlan {
  std::string rules;  ///< "sum/rms/0, q2/rms/0"
  Trace schedule;
  std::vector<PlanFigure> predicted;
  double measured = 0;
};

struct ProfilePlan {
  Trace schedule;
  std::vector<PlanFigure> predicted;
  std::optional<double> measured;
  std::optional<double> even;            ///< the same of as many evenly spaced steps, its rival
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
