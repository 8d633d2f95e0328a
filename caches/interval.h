#pragma once

#include "caches/registry.h"

namespace ditto {

/// Recomputes every `interval`-th step and reuses in between: FORA at unit outputs, plain reuse of the whole stack, or
/// of the prediction. The baseline of every comparison.
PolicyEntry interval_entry();

}  // namespace ditto
