#pragma once

#include "caches/registry.h"

namespace ditto {

/// BWCache (arXiv 2509.13789): computes until the outputs of the blocks change little from one step to the next, then
/// reuses the state after the last block (or the change made by all blocks) for `max_reuse` steps at a time, with one
/// computed step in between, and computes the tail of the run. The mean over blocks and branches decides for both.
PolicyEntry bwcache_entry();

}  // namespace ditto
