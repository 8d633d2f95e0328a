#include <algorithm>

#include <fmt/format.h>

#include "caches/planners/cheapest.h"
#include "caches/planners/edge_graph.h"
#include "caches/planners/lexicographic.h"
#include "caches/planners/planner.h"

namespace ditto {
namespace {

std::vector<PlanFigure> predict(const PlanGraph& graph, const std::vector<int>& steps) {
  double sum = 0, largest = 0;
  for (std::size_t k = 1; k < steps.size(); ++k) {
    const int length = steps[k] - steps[k - 1];
    const double error = graph.error[static_cast<std::size_t>(steps[k - 1])][static_cast<std::size_t>(length)];
    sum += error;
    largest = std::max(largest, error);
  }
  return {{"edge_error_largest", largest}, {"edge_error_sum", sum}};
}

ProfilePlan plan_graph(const Profile& profile, const PlanRequest& request,
                       std::vector<int> (*best)(const PlanGraph&, int)) {
  const PlanGraph graph = edge_graph(profile);
  const std::vector<int> steps = best(graph, request.compute);
  std::map<Branch, std::vector<int>> computed;
  for (const Branch branch : profile.run.branches) computed[branch] = steps;
  const std::string options = fmt::format("max_gap={}", graph.max_skip);
  return {.schedule = cache_schedule(origin_of(profile, request, options), computed, {.form = FeatureForm::kDelta}),
          .predicted = predict(graph, steps),
          .measured = {},
          .even = {},
          .candidates = {}};
}

}  // namespace

PlannerEntry lemica_planner() {
  return {.name = "lemica",
          .help = "reuse of the stack's delta; the largest error of a cached segment is least, then the next",
          .options = {},
          .plan = [](const Profile& profile, const PlanRequest& request) {
            return plan_graph(profile, request, lexicographic_minimax_path);
          }};
}

PlannerEntry sum_planner() {
  return {.name = "sum",
          .help = "reuse of the stack's delta; the sum of the errors of cached segments is least",
          .options = {},
          .plan = [](const Profile& profile, const PlanRequest& request) {
            return plan_graph(profile, request, cheapest_path);
          }};
}

}  // namespace ditto
