#pragma once

#include <chrono>
#include <string>

#include "apps/common/console.h"
#include "runtime/pipeline.h"

namespace ditto {

/// Shows how a run advances: one line redrawn in place on a terminal, else a line now and then. With `events` each step
/// is also a JSON event.
class StepReporter {
 public:
  StepReporter(Console& console, std::string label, bool events);

  void operator()(const StepProgress& progress);

 private:
  using Clock = std::chrono::steady_clock;

  std::string describe(const StepProgress& progress) const;

  Console& console_;
  std::string label_;
  bool events_;
  double seconds_ = 0;  ///< of all steps so far
  Clock::time_point last_line_ = Clock::now();
};

}  // namespace ditto
