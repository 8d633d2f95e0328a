#include "caches/planners/plan_graph.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "core/error.h"

namespace ditto {
namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& accepted) {
  throw Error(ExitCode::kUsage, fmt::format("plan graph: {}; accepted: {}", what, accepted));
}

}  // namespace

void validate(const PlanGraph& graph) {
  if (graph.steps < 1 || graph.max_skip < 1) {
    refuse(fmt::format("{} steps, edges up to {}", graph.steps, graph.max_skip), "1 or more");
  }
  if (static_cast<int>(graph.error.size()) < graph.steps) {
    refuse(fmt::format("{} rows for {} steps", graph.error.size(), graph.steps), "a row for each step");
  }
  for (int i = 0; i < graph.steps; ++i) {
    const std::vector<double>& row = graph.error[static_cast<std::size_t>(i)];
    if (static_cast<int>(row.size()) != graph.max_skip + 1) {
      refuse(fmt::format("row {} has {} errors", i, row.size()), fmt::format("{}", graph.max_skip + 1));
    }
    for (int length = 1; graph.has_edge(i, i + length); ++length) {
      const double error = row[static_cast<std::size_t>(length)];
      const bool possible = length == 1 ? error == 0 : error >= 0;
      if (possible) continue;
      refuse(fmt::format("the error of {} -> {} is {}", i, i + length, error), length == 1 ? "0" : "0 or more");
    }
  }
}

double quantised(double weight) {
  if (!std::isfinite(weight)) return weight;
  int exponent = 0;
  const double mantissa = std::frexp(weight, &exponent);
  constexpr int kBits = 30;
  return std::ldexp(std::round(std::ldexp(mantissa, kBits)), exponent - kBits);
}

void refuse_node_count(int nodes, int steps, int max_skip) {
  const int least = steps == 1 ? 1 : 1 + std::max(1, (steps - 1 + max_skip - 1) / max_skip);
  throw Error(ExitCode::kUsage,
              fmt::format("--compute: no schedule computes {} of {} steps with edges up to {}; accepted: {} to {}",
                          nodes, steps, max_skip, least, steps));
}

}  // namespace ditto
