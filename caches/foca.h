#pragma once

#include "caches/registry.h"

namespace ditto {

/// FoCa (forecast then calibrate): a BDF2 predictor with a trapezoidal corrector, which rolls over its own forecasts.
/// It starts anew from the oldest of the `keep` computed features, where the published recursion remembers all: on
/// curves the two differ noticeably, either may be the better.
PolicyEntry foca_entry();

}  // namespace ditto
