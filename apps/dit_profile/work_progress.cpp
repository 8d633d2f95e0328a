#include "apps/dit_profile/work_progress.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/progress_text.h"

namespace ditto {
namespace {

constexpr std::chrono::seconds kBetweenLines{10};  // without a terminal

}  // namespace

WorkProgress::WorkProgress(Console& console, std::int64_t run_steps, std::int64_t edge_steps) : console_(console) {
  parts_[0].total = run_steps;
  parts_[1].total = edge_steps;
}

void WorkProgress::begin(Phase phase, std::string label) {
  phase_ = phase;
  label_ = std::move(label);
  last_step_ = Clock::now();
  show(true);
}

void WorkProgress::step() {
  const Clock::time_point now = Clock::now();
  Part& part = parts_[static_cast<std::size_t>(phase_)];
  ++part.done;
  part.seconds += std::chrono::duration<double>(now - std::exchange(last_step_, now)).count();
  show(false);
}

double WorkProgress::seconds() const { return parts_[0].seconds + parts_[1].seconds; }

double WorkProgress::remaining_seconds() const {
  // Until the first edge is measured, its steps are taken to be as long as those of runs.
  const double rates[] = {parts_[0].rate(), parts_[1].done > 0 ? parts_[1].rate() : parts_[0].rate()};
  double seconds = 0;
  for (std::size_t k = 0; k < parts_.size(); ++k) {
    seconds += rates[k] * static_cast<double>(std::max<std::int64_t>(parts_[k].total - parts_[k].done, 0));
  }
  return seconds;
}

void WorkProgress::show(bool always) {
  const std::int64_t done = parts_[0].done + parts_[1].done;
  const std::int64_t total = std::max(parts_[0].total + parts_[1].total, std::int64_t{1});
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const std::string eta = done > 0 ? clock_time(remaining_seconds()) : "?";
  const std::string line =
      fmt::format("{}  step {}/{} {} {:.0f} %  ETA {}", label_, done, total, progress_bar(share), 100 * share, eta);
  if (console_.redraws()) console_.status(line);
  if (!always && Clock::now() - last_line_ < kBetweenLines) return;
  last_line_ = Clock::now();
  if (!console_.redraws()) console_.note(line);
  console_.event({{"event", "progress"},
                  {"work", label_},
                  {"done", done},
                  {"total", total},
                  {"eta_seconds", done > 0 ? nlohmann::ordered_json(remaining_seconds()) : nlohmann::ordered_json()}});
}

}  // namespace ditto
