#pragma once

#include "caches/registry.h"

namespace ditto {

/// First-block cache (ParaAttention, diffusers): computes the first blocks and reuses the change made by the rest while
/// the change made by the first differs from that of the last computed step by no more than `threshold`.
PolicyEntry firstblock_entry();

}  // namespace ditto
