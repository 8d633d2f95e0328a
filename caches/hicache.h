#pragma once

#include "caches/registry.h"

namespace ditto {

/// HiCache: TaylorSeer with scaled Hermite polynomials in place of powers, which damps the extrapolation.
PolicyEntry hicache_entry();

}  // namespace ditto
