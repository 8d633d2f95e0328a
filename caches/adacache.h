#pragma once

#include "caches/registry.h"

namespace ditto {

/// AdaCache (arXiv 2411.02397): caches the gated attention of every block and the change made by the rest of it; how
/// far one block's attention changed tells in how many steps all are computed again. With `motion`, sooner in moving
/// content (MoReg). The conditional branch decides for both.
PolicyEntry adacache_entry();

}  // namespace ditto
