#pragma once

#include <cstdint>
#include <vector>

namespace ditto {

/// When ProfilingDiT computes what it otherwise reuses. kUniform: every `interval`-th step from `first` on. kList: the
/// `steps`. kFalling (equation 15): the step s + T with T falling linearly from `longest` at `first` to `shortest` at
/// the end, rounded down to an even number.
struct RefreshSchedule {
  enum class Kind : std::uint8_t { kUniform, kList, kFalling };

  Kind kind = Kind::kUniform;
  int interval = 6;
  std::vector<int> steps = {};
  int longest = 12;
  int shortest = 2;

  /// Of `count` steps, those from `first` on that are computed; `first` is always among them.
  std::vector<bool> computed(int first, int count) const;
};

}  // namespace ditto
