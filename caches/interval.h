#pragma once

#include "caches/registry.h"

namespace ditto {

/// Recomputes every `interval`-th step and reuses in between: unit outputs, the change made by the whole stack, or the
/// prediction. The baseline of every comparison.
PolicyEntry interval_entry();

}  // namespace ditto
