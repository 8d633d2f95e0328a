#include "caches/planners/plan_file.h"

#include <algorithm>

#include "caches/planners/dpcache.h"

namespace ditto {
namespace {

constexpr const char* kStackName = "stack";

TraceRun first_line(const PlanOrigin& origin) {
  TraceRun run;
  run.version = DITTO_VERSION;
  run.model = origin.model;
  run.policies = {origin.plan};
  run.solver = origin.run.solver;
  run.shift = origin.run.shift;
  run.guidance = origin.run.guidance;
  run.width = origin.run.width;
  run.height = origin.run.height;
  run.frames = origin.run.frames;
  run.steps = origin.run.steps;
  run.branches = origin.run.branches;
  run.units = origin.units;
  return run;
}

TraceEvent event_of(int step, Branch branch, std::vector<int>& computed_newest_first, bool computes, int order) {
  TraceEvent event;
  event.step = step;
  event.branch = branch;
  event.site = kStackName;
  event.reason = "planned";
  event.age = computed_newest_first.empty() ? -1 : step - computed_newest_first.front();
  if (computes) {
    computed_newest_first.insert(computed_newest_first.begin(), step);
  } else {
    event.action = Action::kBlend;
    event.weights = forecast_weights(computed_newest_first, step, order);
  }
  return event;
}

}  // namespace

Trace jump_schedule(const PlanOrigin& origin, std::span<const int> nodes) {
  Trace trace;
  trace.run = first_line(origin);
  trace.run.grid.nodes.assign(nodes.begin(), nodes.end());
  for (const int node : nodes) trace.run.grid.sigmas.push_back(origin.sigmas.at(static_cast<std::size_t>(node)));
  trace.run.grid.sigmas.push_back(origin.sigmas.back());
  return trace;
}

Trace cache_schedule(const PlanOrigin& origin, const std::map<Branch, std::vector<int>>& computed,
                     const StackForecast& forecast) {
  Trace trace;
  trace.run = first_line(origin);
  Site stack;
  stack.name = kStackName;
  stack.end = origin.units;
  stack.form = forecast.form;
  stack.keep = forecast.order + 1;
  trace.run.sites = {stack};
  trace.run.grid.sigmas = origin.sigmas;
  std::map<Branch, std::vector<int>> newest_first;
  for (int step = 0; step < origin.run.steps; ++step) {
    trace.run.grid.nodes.push_back(step);
    for (const auto& [branch, steps] : computed) {
      const bool computes = std::ranges::binary_search(steps, step);
      trace.events.push_back(event_of(step, branch, newest_first[branch], computes, forecast.order));
    }
  }
  return trace;
}

}  // namespace ditto
