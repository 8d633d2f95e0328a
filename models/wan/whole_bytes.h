#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace ditto {

/// An estimate in bytes as an integer, at most 2^61, so that a few of them can be added.
inline std::int64_t whole_bytes(double estimate) {
  return static_cast<std::int64_t>(std::min(estimate, std::ldexp(1.0, 61)));
}

}  // namespace ditto
