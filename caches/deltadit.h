#pragma once

#include "caches/registry.h"

namespace ditto {

/// Delta-DiT (arXiv 2406.01125): computes every `interval`-th step and reuses in between the change made by a range of
/// blocks: the last ones in the first steps, in which the first ones draw the outline, and the first ones afterwards.
PolicyEntry deltadit_entry();

}  // namespace ditto
