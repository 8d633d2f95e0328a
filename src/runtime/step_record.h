#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ditto {

/// What a step's time goes to. kUnits: units computed and applied. kBlends: stored features put in their place.
/// kDeciding: the policy's answers, what it looks at, and storing features. kRest: embedding and projection.
enum class StepPart : std::uint8_t { kRest, kUnits, kBlends, kDeciding };
inline constexpr std::size_t kStepParts = 4;

/// Where the time of one executed step went, and what the store held after it. The times are the host's: on a device
/// that works while the host goes on they are those of the launches.
struct StepRecord {
  int node = 0;  ///< of the full grid
  std::array<double, kStepParts> seconds = {};
  std::int64_t cache_bytes = 0;

  double seconds_of(StepPart part) const { return seconds[static_cast<std::size_t>(part)]; }
};

}  // namespace ditto
