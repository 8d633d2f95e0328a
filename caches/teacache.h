#pragma once

#include "caches/registry.h"

namespace ditto {

/// TeaCache (arXiv 2411.19108): reuses the change made by all units while the drift of a cheap, time-dependent
/// indicator, rescaled by a polynomial and accumulated since the last computed step, stays below `threshold`.
PolicyEntry teacache_entry();

}  // namespace ditto
