#pragma once

#include <vector>

namespace ditto {

/// A graph of denoising steps 0 to steps - 1. The edge i -> i + g says: compute steps i and i + g, reuse in between.
/// `error[i][g]` is its cost for g in 1..max_skip, infinity where there is no such edge; an edge with g == 1 reuses
/// nothing and costs 0.
struct PlanGraph {
  int steps = 0;
  int max_skip = 0;
  std::vector<std::vector<double>> error;

  bool has_edge(int from, int to) const { return to - from <= max_skip && to < steps; }
};

/// Error(kUsage) naming the edge for missing rows, NaN, negative errors and edges of length 1 that cost something.
void validate(const PlanGraph& graph);

/// A weight with its mantissa rounded to 2^-30, about 1e-9 relative: what differs by less (in measurements made on
/// another platform, say) is a tie. Keeps the order.
double quantised(double weight);

/// Error(kUsage) "--compute: ..." that no path of that many nodes exists.
[[noreturn]] void refuse_node_count(int nodes, int steps, int max_skip);

}  // namespace ditto
