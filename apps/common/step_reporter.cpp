#include "apps/common/step_reporter.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/progress_text.h"

namespace ditto {
namespace {

constexpr std::chrono::seconds kBetweenLines{10};  // without a terminal

}  // namespace

StepReporter::StepReporter(Console& console, std::string label, bool events)
    : console_(console), label_(std::move(label)), events_(events) {}

void StepReporter::operator()(const StepProgress& progress) {
  seconds_ += progress.seconds;
  if (events_) {
    console_.event({{"event", "step"},
                    {"index", progress.index},
                    {"count", progress.count},
                    {"seconds", progress.seconds},
                    {"hit_rate", progress.hit_rate}});
  }
  if (console_.redraws()) {
    console_.status(describe(progress));
  } else if (Clock::now() - last_line_ > kBetweenLines || progress.index + 1 == progress.count) {
    last_line_ = Clock::now();
    console_.note(describe(progress));
  }
}

std::string StepReporter::describe(const StepProgress& progress) const {
  const int done = progress.index + 1;
  const double share = static_cast<double>(done) / progress.count;
  const double seconds_per_step = seconds_ / done;
  return fmt::format("{}step {}/{} {} {:.0f} %  {:.3g} s/it  ETA {}  hit {:.0f} %", label_, done, progress.count,
                     progress_bar(share), 100 * share, seconds_per_step,
                     clock_time(seconds_per_step * (progress.count - done)), 100 * progress.hit_rate);
}

}  // namespace ditto
