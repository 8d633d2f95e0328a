#pragma once

#include "caches/registry.h"

namespace ditto {

/// FasterCache (arXiv 2410.19355), two parts that work alone or together: self-attention outputs are forecast from the
/// last two computed ones, and the unconditional prediction is estimated from the conditional one and the last known
/// difference of the two, low and high spatial frequencies weighted apart.
PolicyEntry fastercache_entry();

}  // namespace ditto
