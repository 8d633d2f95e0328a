#pragma once

#include <cstdint>

namespace ditto {

/// kAuto: the fastest form measured on this machine. kReference: plain unfused ATen operations, the oracle.
enum class KernelMode : std::uint8_t { kAuto, kReference };

}  // namespace ditto
