#include <algorithm>

#include <fmt/format.h>

#include "caches/planners/planner.h"
#include "caches/planners/ratio_rule.h"
#include "core/error.h"

namespace ditto {
namespace {

std::vector<double> ratios_of(const Profile& profile, std::size_t branch) {
  const at::Tensor ratios = profile.array("residual_ratio").to(at::kDouble).contiguous();
  const auto branches = static_cast<std::int64_t>(profile.run.branches.size());
  if (ratios.dim() != 2 || ratios.size(0) != branches || ratios.size(1) != profile.run.steps) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: 'residual_ratio' is [{}]; accepted: [{}, {}]", profile.path.string(),
                            fmt::join(ratios.sizes(), ","), branches, profile.run.steps));
  }
  const double* row = ratios.const_data_ptr<double>() + static_cast<std::int64_t>(branch) * profile.run.steps;
  return {row, row + profile.run.steps};
}

/// The threshold gives the first branch its number of steps; the others follow the same rule on their own ratios.
ProfilePlan plan_ratios(const Profile& profile, const PlanRequest& request) {
  RatioRule rule;
  rule.max_reuse = request.max_reuse.value_or(rule.max_reuse);
  rule.retention = request.retention.value_or(rule.retention);
  rule = rule_for_budget(ratios_of(profile, 0), rule, request.compute);
  std::map<Branch, std::vector<int>> computed;
  double deviation = 0;
  for (std::size_t b = 0; b < profile.run.branches.size(); ++b) {
    const std::vector<double> ratios = ratios_of(profile, b);
    const std::vector<int> steps = computed_steps(ratios, rule);
    deviation = std::max(deviation, largest_deviation(ratios, steps));
    computed[profile.run.branches[b]] = steps;
  }
  const std::string options =
      fmt::format("threshold={},max_reuse={},retention={}", rule.threshold, rule.max_reuse, rule.retention);
  return {.schedule = cache_schedule(origin_of(profile, request, options), computed, {.form = FeatureForm::kDelta}),
          .predicted = {{"threshold", rule.threshold}, {"largest_deviation", deviation}},
          .measured = {},
          .even = {},
          .candidates = {}};
}

}  // namespace

PlannerEntry magcache_planner() {
  return {.name = "magcache",
          .help = "reuse of the stack's delta by the rule of residual ratios, at the threshold that fits the budget",
          .options = {"max-reuse", "retention"},
          .plan = plan_ratios};
}

}  // namespace ditto
