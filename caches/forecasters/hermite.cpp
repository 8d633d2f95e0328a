#include "caches/forecasters/hermite.h"

#include "caches/forecasters/differences.h"

namespace ditto {

std::vector<float> HermiteForecaster::weights(std::span<const double> newest_first, double target) const {
  const std::vector<std::vector<double>> differences = backward_differences(newest_first, order_);
  // Forward in time: the published formula is evaluated at +x, x > 0.
  const double x = sigma_ * (target - newest_first[0]);
  std::vector<double> sum = differences[0];
  double before = 1, now = 2 * x, scale = 1;
  for (std::size_t order = 1; order < differences.size(); ++order) {
    scale *= sigma_ / static_cast<double>(order);
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += scale * now * differences[order][k];
    const double next = 2 * x * now - 2 * static_cast<double>(order) * before;
    before = now;
    now = next;
  }
  return {sum.begin(), sum.end()};
}

}  // namespace ditto
