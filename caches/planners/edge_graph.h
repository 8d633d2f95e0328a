#pragma once

#include "caches/planners/plan_graph.h"
#include "core/profile.h"

namespace ditto {

/// The graph of a profile's measured edges: array "edge_error" [steps, max_skip + 1], where entry [i][g] is the error
/// of the result when steps i + 1 to i + g - 1 reuse step i; NaN or infinity where it was not measured. Throws
/// Error(kBadInputFile) for another shape and for negative errors.
PlanGraph edge_graph(const Profile& profile);

}  // namespace ditto
