#pragma once

#include "caches/registry.h"

namespace ditto {

/// FORA (arXiv 2407.01425): reuses the outputs of all units, before their gates, between steps that are computed. Steps
/// are counted from the end, so that the last one is computed.
PolicyEntry fora_entry();

}  // namespace ditto
