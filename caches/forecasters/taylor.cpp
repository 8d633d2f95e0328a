#include "caches/forecasters/taylor.h"

#include <algorithm>

namespace ditto {

std::vector<float> TaylorForecaster::weights(std::span<const double> newest_first, double target) const {
  const std::size_t count = std::min(newest_first.size(), static_cast<std::size_t>(order_) + 1);
  // differences[k] is the current order's difference ending at position k, as weights over the features.
  std::vector<std::vector<double>> differences(count, std::vector<double>(count, 0.0));
  for (std::size_t k = 0; k < count; ++k) differences[k][k] = 1;
  std::vector<double> sum = differences[0];
  double factor = 1;
  for (std::size_t order = 1; order < count; ++order) {
    for (std::size_t k = 0; k + order < count; ++k) {
      const double gap = newest_first[k] - newest_first[k + 1];
      for (std::size_t j = 0; j < count; ++j) differences[k][j] = (differences[k][j] - differences[k + 1][j]) / gap;
    }
    factor *= (target - newest_first[0]) / static_cast<double>(order);
    for (std::size_t j = 0; j < count; ++j) sum[j] += factor * differences[0][j];
  }
  return {sum.begin(), sum.end()};
}

}  // namespace ditto
