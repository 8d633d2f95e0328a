#pragma once

#include "caches/registry.h"

namespace ditto {

/// Recomputes every `interval`-th step and reuses in between: FORA (arXiv 2407.01425) at unit outputs with
/// `align=last`, plain reuse of the whole stack, or of the prediction. The baseline of every comparison.
PolicyEntry interval_entry();

}  // namespace ditto
