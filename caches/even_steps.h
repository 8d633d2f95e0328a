#pragma once

#include <cmath>
#include <vector>

namespace ditto {

/// `count` of `steps` steps, evenly spaced from the first on: the rival of every cache and plan.
inline std::vector<int> even_steps(int steps, int count) {
  std::vector<int> nodes;
  for (int k = 0; k < count; ++k) {
    nodes.push_back(static_cast<int>(std::lround(static_cast<double>(k) * steps / count)));
  }
  return nodes;
}

}  // namespace ditto
