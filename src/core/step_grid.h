#pragma once

#include <vector>

namespace ditto {

/// The noise levels a run visits. `sigmas` has one entry more than there are steps; the last one is 0. `nodes[k]` is
/// the index of step k on the solver's full grid: nodes that are jumped over are absent.
struct StepGrid {
  std::vector<double> sigmas;
  std::vector<int> nodes;

  int size() const { return static_cast<int>(nodes.size()); }
};

/// One step of a run. `index` of `count` counts the steps that are executed, `node` of `node_count` is its place on the
/// full grid; they agree unless steps are jumped. `timestep` is what the network is told, `sigma` the noise level.
struct StepInfo {
  int index = 0;
  int count = 0;
  int node = 0;
  int node_count = 0;
  double timestep = 0;
  double sigma = 0;
};

}  // namespace ditto
