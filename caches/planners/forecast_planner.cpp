#include <fmt/format.h>

#include "caches/planners/dpcache.h"
#include "caches/planners/planner.h"
#include "core/error.h"

namespace ditto {
namespace {

constexpr int kFirst = 3;  // steps that are always computed, so that there is something to forecast from

ProfilePlan plan_stack_forecasts(const Profile& profile, const PlanRequest& request) {
  const std::string form = request.form.value_or("state");
  const bool delta = form == "delta";
  if (!delta && form != "state") {
    throw Error(ExitCode::kUsage, fmt::format("--form: '{}' is not possible; accepted: state, delta", form));
  }
  const int order = request.order.value_or(1);
  if (order < 1 || order > 2) {
    throw Error(ExitCode::kUsage,
                fmt::format("--order: {} is not possible with --policy dpcache; accepted: 1, 2", order));
  }
  const int steps = profile.run.steps;
  const std::string array = delta ? "stack_delta_gram" : "stack_gram";
  const ForecastErrors errors(Gram(profile.array(array), steps, fmt::format("{}: '{}'", profile.path.string(), array)),
                              steps);
  const StepGoal goal = {
      .nodes = request.compute, .first = request.first.value_or(kFirst), .last = request.last.value_or(0)};
  const int max_gap = request.max_gap.value_or(steps);
  const std::vector<int> nodes = plan_forecasts(errors, goal, max_gap);
  std::map<Branch, std::vector<int>> computed;
  for (const Branch branch : profile.run.branches) computed[branch] = nodes;
  const std::string options =
      fmt::format("form={},order={},max_gap={},first={},last={}", form, order, max_gap, goal.first, goal.last);
  const StackForecast forecast = {.form = delta ? FeatureForm::kDelta : FeatureForm::kState, .order = order};
  return {.schedule = cache_schedule(origin_of(profile, request, options), computed, forecast),
          .predicted = {{"forecast_error_sum", errors.total(nodes, order)}},
          .measured = {},
          .even = {},
          .candidates = {}};
}

}  // namespace

PlannerEntry dpcache_planner() {
  return {.name = "dpcache",
          .help = "Taylor forecasts of the stack's state or delta; the sum of the forecasts' errors is least",
          .options = {"order", "form", "first", "last", "max-gap"},
          .plan = plan_stack_forecasts};
}

}  // namespace ditto
