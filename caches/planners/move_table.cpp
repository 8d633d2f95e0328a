#include "caches/planners/move_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/error.h"

namespace ditto {

MoveTable::MoveTable(int steps, int max_gap, const Error& error) : steps_(steps), max_gap_(std::min(max_gap, steps)) {
  const auto side = static_cast<std::size_t>(max_gap_) + 1;
  errors_.resize(static_cast<std::size_t>(steps) * side * side);
  for (int from = 0; from < steps; ++from) {
    for (int back = from == 0 ? 0 : 1; back <= std::min(from, max_gap_); ++back) {
      const int previous = back == 0 ? -1 : from - back;
      for (int to = from + 1; to <= std::min(from + max_gap_, steps); ++to) {
        const double value = error(previous, from, to);
        if (!(value >= 0)) {
          throw ditto::Error(ExitCode::kUsage,
                             fmt::format("plan: the error of {} -> {} is {}; accepted: 0 or more", from, to, value));
        }
        errors_[index(previous, from, to)] = value;
      }
    }
  }
}

std::size_t MoveTable::index(int previous, int from, int to) const {
  const int side = max_gap_ + 1;
  const int back = previous < 0 ? 0 : from - previous;
  return static_cast<std::size_t>((from * side + back) * side + (to - from));
}

}  // namespace ditto
