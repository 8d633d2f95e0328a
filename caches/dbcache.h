#pragma once

#include "caches/registry.h"

namespace ditto {

/// DBCache (cache-dit): computes the first and the last blocks and reuses or forecasts the change made by those between
/// while the change made by the first differs little from that of the last computed step. Reuses can be capped, and
/// steps prescribed by a mask.
PolicyEntry dbcache_entry();

}  // namespace ditto
