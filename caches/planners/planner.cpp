#include "caches/planners/planner.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/error.h"
#include "core/nearest_name.h"
#include "core/printable.h"

namespace ditto {
namespace {

const PlannerEntry& find_planner(const std::string& name) {
  const auto entries = planners();
  const auto it = std::ranges::find(entries, name, &PlannerEntry::name);
  if (it != entries.end()) return *it;
  std::vector<std::string> names;
  for (const PlannerEntry& entry : entries) names.push_back(entry.name);
  const std::string nearest = nearest_name(name, names);
  throw Error(ExitCode::kUsage,
              fmt::format("--policy: there is no planner '{}'; accepted: {}{}", printable(name), fmt::join(names, ", "),
                          nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest)));
}

void refuse_options_without_effect(const PlannerEntry& planner, const PlanRequest& request) {
  const std::pair<const char*, bool> given[] = {
      {"order", request.order.has_value()},         {"max-gap", request.max_gap.has_value()},
      {"first", request.first.has_value()},         {"last", request.last.has_value()},
      {"max-reuse", request.max_reuse.has_value()}, {"retention", request.retention.has_value()},
      {"form", request.form.has_value()},           {"criterion", request.criterion.has_value()},
      {"average", request.average.has_value()},     {"emphasis", request.emphasis.has_value()},
      {"refine", request.refine.has_value()}};
  for (const auto& [name, is_given] : given) {
    if (!is_given || std::ranges::find(planner.options, name) != planner.options.end()) continue;
    const std::string accepted =
        planner.options.empty() ? "no options of its own" : fmt::format("--{}", fmt::join(planner.options, ", --"));
    throw Error(ExitCode::kUsage,
                fmt::format("--{}: has no effect with --policy {}; accepted: {}", name, planner.name, accepted));
  }
}

/// Geometric mean over the prompts.
double mean_error(const PlanRunner& runner, const Trace& schedule) {
  double logarithms = 0;
  for (int prompt = 0; prompt < runner.prompts; ++prompt) logarithms += std::log(runner.error(schedule, prompt));
  return std::exp(logarithms / runner.prompts);
}

}  // namespace

std::span<const PlannerEntry> planners() {
  static const std::vector<PlannerEntry> entries = {jumps_planner(), lemica_planner(), sum_planner(), dpcache_planner(),
                                                    magcache_planner()};
  return entries;
}

ProfilePlan plan_from_profile(const Profile& profile, const PlanRequest& request) {
  const PlannerEntry& planner = find_planner(request.policy);
  refuse_options_without_effect(planner, request);
  ProfilePlan plan = planner.plan(profile, request);
  if (request.runner && !plan.measured) plan.measured = mean_error(request.runner, plan.schedule);
  return plan;
}

PlanOrigin origin_of(const Profile& profile, const PlanRequest& request, const std::string& options) {
  return {
      .model = profile.model,
      .units = profile.units,
      .run = profile.run,
      .sigmas = profile.sigmas,
      .plan = fmt::format("{}:compute={}{}{}", request.policy, request.compute, options.empty() ? "" : ",", options)};
}

}  // namespace ditto
