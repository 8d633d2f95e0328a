#pragma once

#include <array>
#include <chrono>

#include "runtime/step_record.h"

namespace ditto {

/// Splits the time of one step by part. Reads the clock only when the part changes, which is at most twice a
/// decision, and never when it is off.
class StepClock {
 public:
  explicit StepClock(bool on) : on_(on) {
    if (on_) last_ = Clock::now();
  }

  void enter(StepPart part) {
    if (!on_ || part == current_) return;
    lap();
    current_ = part;
  }

  /// Seconds by part up to now.
  const std::array<double, kStepParts>& finish() {
    if (on_) lap();
    return seconds_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  void lap() {
    const Clock::time_point now = Clock::now();
    seconds_[static_cast<std::size_t>(current_)] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }

  bool on_;
  StepPart current_ = StepPart::kRest;
  Clock::time_point last_;
  std::array<double, kStepParts> seconds_ = {};
};

}  // namespace ditto
