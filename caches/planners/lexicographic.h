#pragma once

#include <vector>

#include "caches/planners/plan_graph.h"

namespace ditto {

/// The path from step 0 to the last step through exactly `nodes` computed steps (both ends count) whose edge errors,
/// sorted from the largest down, are lexicographically smallest; of equal ones the lexicographically smallest path.
/// Exact (LeMiCa, https://arxiv.org/abs/2511.00090). Throws Error(kUsage) when there is no such path.
std::vector<int> lexicographic_minimax_path(const PlanGraph& graph, int nodes);

}  // namespace ditto
