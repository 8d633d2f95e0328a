#pragma once

#include "caches/registry.h"

namespace ditto {

/// TaylorSeer (arXiv 2503.06923): computes every `interval`-th step and forecasts the features in between by a Taylor
/// polynomial of backward differences, expressed as weights over stored snapshots.
PolicyEntry taylorseer_entry();

}  // namespace ditto
