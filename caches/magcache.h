#pragma once

#include "caches/registry.h"

namespace ditto {

/// MagCache (arXiv 2506.09045): reuses the change made by all units while its magnitude, forecast from ratios measured
/// once for the model, stays near that of the last computed step. Its decisions depend on the step alone.
PolicyEntry magcache_entry();

}  // namespace ditto
