#pragma once

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "caches/planners/plan_graph.h"

namespace ditto {

/// The path from step 0 to the last one through exactly `nodes` steps with the least cost; of equal ones the
/// lexicographically smallest. `Cost` has with(error) and an order that with() keeps. Throws Error(kUsage) when there
/// is no such path.
template <typename Cost>
std::vector<int> best_path(const PlanGraph& graph, int nodes) {
  validate(graph);
  struct Label {
    Cost cost;
    std::vector<int> path;
    auto operator<=>(const Label&) const = default;
  };
  using Layer = std::vector<std::optional<Label>>;  // by the step where the paths end
  Layer layer(static_cast<std::size_t>(graph.steps));
  layer[0] = Label{{}, {0}};
  for (int count = 1; count < nodes; ++count) {
    Layer next(layer.size());
    for (int from = 0; from < graph.steps; ++from) {
      const std::optional<Label>& label = layer[static_cast<std::size_t>(from)];
      if (!label) continue;
      for (int to = from + 1; graph.has_edge(from, to); ++to) {
        const double error = graph.error[static_cast<std::size_t>(from)][static_cast<std::size_t>(to - from)];
        if (std::isinf(error)) continue;
        Label longer{label->cost.with(quantised(error)), label->path};
        longer.path.push_back(to);
        std::optional<Label>& best = next[static_cast<std::size_t>(to)];
        if (!best || longer < *best) best = std::move(longer);
      }
    }
    layer = std::move(next);
  }
  if (nodes < 1 || !layer.back()) refuse_node_count(nodes, graph.steps, graph.max_skip);
  return layer.back()->path;
}

}  // namespace ditto
