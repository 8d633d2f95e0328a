#pragma once

#include <string>

#include "core/site.h"

namespace ditto {

/// Blocks whose change is cached: all but `first_blocks` at the start and `last_blocks` at the end, which run in every
/// step. Throws Error(kUsage) naming the option of `policy` that leaves nothing to reuse.
Site block_range_site(const Topology& topology, const std::string& policy, int first_blocks, int last_blocks,
                      int keep = 1);

}  // namespace ditto
