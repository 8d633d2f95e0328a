#pragma once

#include "caches/forecasters/forecaster.h"

namespace ditto {

/// HiCache's forecast: TaylorSeer's differences with Hermite polynomials in place of powers, sum of
/// D(i) * sigma^i * H(i)(sigma * x) / i!, where H(0) = 1, H(1) = 2x, H(n+1) = 2x H(n) - 2n H(n-1) and x is the distance
/// to the newest position. Order 1 is TaylorSeer's at sigma = sqrt(1/2) and damps it below.
class HermiteForecaster : public Forecaster {
 public:
  HermiteForecaster(int order, double sigma) : order_(order), sigma_(sigma) {}
  std::vector<float> weights(std::span<const double> newest_first, double target) const override;

 private:
  int order_;
  double sigma_;
};

}  // namespace ditto
