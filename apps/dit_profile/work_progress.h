#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "apps/common/console.h"

namespace ditto {

/// What the steps of a profile are spent on.
enum class Phase : std::uint8_t { kRuns, kEdges };

/// Shows how far a profile is and how long the rest will take: one line redrawn in place on a terminal, else a line,
/// and a JSON event, now and then.
class WorkProgress {
 public:
  WorkProgress(Console& console, std::int64_t run_steps, std::int64_t edge_steps);

  /// What the following steps belong to, as "prompt 3/8".
  void begin(Phase phase, std::string label);
  /// One step of the network is done.
  void step();
  /// Seconds that all steps took so far.
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Part {
    std::int64_t total = 0, done = 0;
    double seconds = 0;
    double rate() const { return done > 0 ? seconds / static_cast<double>(done) : 0; }
  };

  double remaining_seconds() const;
  void show(bool always);

  Console& console_;
  std::array<Part, 2> parts_;
  Phase phase_ = Phase::kRuns;
  std::string label_;
  Clock::time_point last_step_ = Clock::now(), last_line_ = Clock::now();
};

}  // namespace ditto
