#pragma once

#include "caches/forecasters/forecaster.h"

namespace ditto {

/// TaylorSeer's forecast (arXiv 2503.06923): D0 = feature, D(i+1) = (D(i) now - D(i) before) / gap, where the gap is
/// that of the two newest of the positions involved; forecast = sum of D(i) * x^i / i!, x the distance to the newest.
/// Order 0 is plain reuse, order 1 is exact on lines. Fewer positions than order + 1 lower the order.
class TaylorForecaster : public Forecaster {
 public:
  explicit TaylorForecaster(int order) : order_(order) {}
  std::vector<float> weights(std::span<const double> newest_first, double target) const override;

 private:
  int order_;
};

}  // namespace ditto
