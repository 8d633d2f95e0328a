#pragma once

#include <span>
#include <vector>

namespace ditto {

/// A linear forecast: weights over the features at given positions. The weights sum to 1, so that a constant feature is
/// reproduced.
class Forecaster {
 public:
  virtual ~Forecaster() = default;

  /// Weights, newest first, for the feature at `target`. Positions are distinct and monotonic; there is at least one.
  virtual std::vector<float> weights(std::span<const double> newest_first, double target) const = 0;
};

}  // namespace ditto
