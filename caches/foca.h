#pragma once

#include "caches/registry.h"

namespace ditto {

/// FoCa (forecast then calibrate): a BDF2 predictor with a trapezoidal corrector, which rolls over its own forecasts.
PolicyEntry foca_entry();

}  // namespace ditto
