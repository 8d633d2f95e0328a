#include "caches/planners/lexicographic.h"

#include "caches/planners/best_path.h"
#include "caches/planners/path_cost.h"

namespace ditto {

std::vector<int> lexicographic_minimax_path(const PlanGraph& graph, int nodes) {
  return best_path<SortedErrors>(graph, nodes);
}

}  // namespace ditto
