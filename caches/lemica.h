#pragma once

#include <vector>

#include "caches/registry.h"
#include "core/run_info.h"
#include "core/site.h"

namespace ditto {

/// LeMiCa (arXiv 2511.00090): computes a fixed set of steps and reuses the change made by all units in between. The
/// steps are the path through a graph of measured errors whose largest errors are smallest.
PolicyEntry lemica_entry();

/// The released schedule of `compute` steps for a model and its number of steps; empty when there is none. Throws
/// Error(kBadInputFile) for a malformed list in `presets/lemica.json`.
std::vector<int> released_schedule(const ModelIdentity& model, int steps, int compute);

}  // namespace ditto
