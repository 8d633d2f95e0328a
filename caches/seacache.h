#pragma once

#include "caches/registry.h"

namespace ditto {

/// SeaCache (arXiv 2602.18993): reuses the change made by all units while the drift of the first unit's modulated
/// input, measured after a filter that keeps what is signal at the noise level and accumulated since the last computed
/// step, stays below `threshold`.
PolicyEntry seacache_entry();

}  // namespace ditto
