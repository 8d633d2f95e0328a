#pragma once

#include <span>
#include <vector>

namespace ditto {

/// A polynomial, highest power first, and the share of the variance it explains.
struct PolynomialFit {
  std::vector<double> coefficients;
  double r2 = 0;
};

/// Least squares in double with x scaled to at most 1 in magnitude. Pairs that are not finite are left out; without any
/// the coefficients are NaN. r2 is 1 where y does not vary and is met.
PolynomialFit fit_polynomial(std::span<const double> x, std::span<const double> y, int degree);

}  // namespace ditto
