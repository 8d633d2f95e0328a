#include "caches/refresh_schedule.h"

#include <algorithm>

namespace ditto {

std::vector<bool> RefreshSchedule::computed(int first, int count) const {
  std::vector<bool> computed(static_cast<std::size_t>(count), false);
  const auto mark = [&](int step) {
    if (step >= first && step < count) computed[static_cast<std::size_t>(step)] = true;
  };
  mark(first);
  for (const int step : steps) mark(step);
  if (kind == Kind::kUniform) {
    for (int step = first; step < count; step += interval) mark(step);
  }
  if (kind == Kind::kFalling) {
    for (int step = first; step < count;) {
      mark(step);
      const double distance = longest - static_cast<double>(longest - shortest) * (step - first) / (count - first);
      step += std::max(2, static_cast<int>(distance / 2) * 2);
    }
  }
  return computed;
}

}  // namespace ditto
