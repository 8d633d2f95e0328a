#pragma once

#include <string>
#include <vector>

#include "core/feature.h"

namespace ditto {

/// The settings of a run that plans and profiles are made for; empty or zero where they are not known. `steps` counts
/// the nodes of the full grid, `width` and `height` are pixels.
struct RunInfo {
  std::string solver;
  double shift = 0;
  double guidance = 0;
  int steps = 0;
  int width = 0, height = 0, frames = 0;
  std::vector<Branch> branches = {};
};

}  // namespace ditto
