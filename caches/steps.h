#pragma once

#include "caches/registry.h"

namespace ditto {

/// Fewer solver steps: visits an evenly spaced sub-grid of the full one. With a first-order solver this is what reuse
/// of the whole prediction amounts to, so it is the rival of every cache.
PolicyEntry steps_entry();

}  // namespace ditto
