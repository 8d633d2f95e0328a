#include "caches/planners/cheapest.h"

#include "caches/planners/best_path.h"
#include "caches/planners/path_cost.h"

namespace ditto {

std::vector<int> cheapest_path(const PlanGraph& graph, int nodes) { return best_path<ErrorSum<1>>(graph, nodes); }

}  // namespace ditto
