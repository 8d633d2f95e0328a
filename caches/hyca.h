#pragma once

#include "caches/registry.h"

namespace ditto {

/// HyCa (arXiv 2510.04188): computes every `interval`-th step and forecasts the features in between, each cluster of
/// channels with the solver that suits it.
PolicyEntry hyca_entry();

}  // namespace ditto
