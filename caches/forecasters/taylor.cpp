#include "caches/forecasters/taylor.h"

#include "caches/forecasters/differences.h"

namespace ditto {

std::vector<float> TaylorForecaster::weights(std::span<const double> newest_first, double target) const {
  const std::vector<std::vector<double>> differences = backward_differences(newest_first, order_);
  std::vector<double> sum = differences[0];
  double factor = 1;
  for (std::size_t order = 1; order < differences.size(); ++order) {
    factor *= (target - newest_first[0]) / static_cast<double>(order);
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += factor * differences[order][k];
  }
  return {sum.begin(), sum.end()};
}

}  // namespace ditto
