#pragma once

#include "caches/registry.h"

namespace ditto {

/// Pyramid Attention Broadcast (arXiv 2408.12588): inside a window of timesteps each kind of attention is computed
/// every so many steps, counted from the start of the run, and what it added is added again in between. Feed-forward
/// outputs of the first blocks may be broadcast after chosen timesteps.
PolicyEntry pab_entry();

}  // namespace ditto
