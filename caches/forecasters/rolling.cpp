#include "caches/forecasters/rolling.h"

#include <utility>

namespace ditto {
namespace {

using Row = std::vector<double>;

Row one_of(std::size_t k, std::size_t count) {
  Row row(count, 0.0);
  row[k] = 1;
  return row;
}

/// a + scale * (b - c)
Row plus_difference(Row a, double scale, const Row& b, const Row& c) {
  for (std::size_t k = 0; k < a.size(); ++k) a[k] += scale * (b[k] - c[k]);
  return a;
}

}  // namespace

std::vector<float> RollingForecaster::weights(std::span<const double> newest_first, double target) const {
  const std::size_t count = newest_first.size();
  const Row zero(count, 0.0);
  std::size_t anchor = count - 1;
  Row now = one_of(anchor, count), before = now, earlier = now, slope = zero;
  for (double step = newest_first[anchor] + 1; step <= target; ++step) {
    Row next;
    if (anchor > 0 && newest_first[anchor - 1] <= step) {
      const double gap = newest_first[anchor - 1] - newest_first[anchor];
      --anchor;
      next = one_of(anchor, count);
      slope = plus_difference(zero, 1 / gap, next, one_of(anchor + 1, count));
      if (anchor + 2 == count) {
        // What was reused before the second computed feature says nothing of the slope.
        now = plus_difference(next, -1, slope, zero);
        before = plus_difference(next, -2, slope, zero);
      }
    } else {
      next = plus_difference(now, rule_.newest, now, before);
      next = plus_difference(std::move(next), rule_.older, before, earlier);
      next = plus_difference(std::move(next), rule_.computed, slope, zero);
    }
    earlier = std::exchange(before, std::exchange(now, std::move(next)));
  }
  return {now.begin(), now.end()};
}

}  // namespace ditto
