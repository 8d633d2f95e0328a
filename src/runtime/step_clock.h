#pragma once

#include <array>
#include <chrono>

#include "runtime/step_record.h"

namespace ditto {

/// Splits the time of one step by kind of work. Reads the clock only when the kind changes, which is at most twice a
/// decision, and never when it is off.
class StepClock {
 public:
  explicit StepClock(bool on) : on_(on) {
    if (on_) last_ = Clock::now();
  }

  void enter(Work work) {
    if (!on_ || work == current_) return;
    lap();
    current_ = work;
  }

  /// Seconds by kind of work up to now.
  const std::array<double, kWorkKinds>& finish() {
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
  Work current_ = Work::kRest;
  Clock::time_point last_;
  std::array<double, kWorkKinds> seconds_ = {};
};

}  // namespace ditto
