#pragma once

#include <vector>

#include "caches/planners/plan_graph.h"

namespace ditto {

/// The path from step 0 to the last step through exactly `nodes` computed steps (both ends count) with the least sum of
/// edge errors; of equal ones the lexicographically smallest path. Throws Error(kUsage) when there is no such path.
std::vector<int> cheapest_path(const PlanGraph& graph, int nodes);

}  // namespace ditto
