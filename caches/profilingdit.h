#pragma once

#include "caches/registry.h"

namespace ditto {

/// ProfilingDiT (arXiv 2504.03140): of blocks that attend to the background, reuses the change made by every run of
/// consecutive ones between refresh steps; blocks that attend to the foreground are computed in every step.
PolicyEntry profilingdit_entry();

}  // namespace ditto
