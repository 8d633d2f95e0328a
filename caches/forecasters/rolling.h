#pragma once

#include "caches/forecasters/forecaster.h"

namespace ditto {

/// One step of a rolling forecast: next = v0 + newest * (v0 - v1) + older * (v1 - v2) + computed * (slope of the last
/// two computed features), over the last three values v0, v1, v2, forecasts among them.
struct RollingRule {
  double newest = 0;
  double older = 0;
  double computed = 0;
};

/// FoCa (BDF2 predictor, Heun corrector) with the anchors' difference divided by their distance.
inline constexpr RollingRule kFocaRule = {0.5, 0, 0.5};

/// Forecasts step by step, each from the values before it, as weights over the computed features alone. Positions are
/// step indices. The values begin at the oldest position: it is reused until the second one, whose past is then taken
/// to lie on the line through both.
class RollingForecaster : public Forecaster {
 public:
  explicit RollingForecaster(RollingRule rule) : rule_(rule) {}
  std::vector<float> weights(std::span<const double> newest_first, double target) const override;

 private:
  RollingRule rule_;
};

}  // namespace ditto
