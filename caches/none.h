#pragma once

#include "caches/registry.h"

namespace ditto {

/// Full compute.
PolicyEntry none_entry();

}  // namespace ditto
