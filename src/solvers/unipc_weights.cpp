#include "solvers/unipc_weights.h"

#include <cmath>

namespace ditto {

double log_signal_ratio(double sigma) { return std::log(1 - sigma) - std::log(sigma); }

UniPcWeights unipc_predictor(double sigma, double next_sigma, std::optional<double> previous_sigma) {
  // At sigma 0 the log ratio is infinite and the step ends at the prediction itself.
  if (next_sigma == 0) return {.current = 1};
  const double ratio = next_sigma / sigma;
  // 1 - ratio equals -(1 - next_sigma) * expm1(-h), the factor of every prediction.
  const double factor = 1 - ratio;
  if (!previous_sigma) return {.latent = ratio, .current = factor};
  const double here = log_signal_ratio(sigma);
  const double extrapolation = (log_signal_ratio(next_sigma) - here) / (2 * (here - log_signal_ratio(*previous_sigma)));
  return {.latent = ratio, .current = factor * (1 + extrapolation), .previous = -factor * extrapolation};
}

UniPcWeights unipc_corrector(double sigma, double next_sigma, std::optional<double> previous_sigma) {
  const double ratio = next_sigma / sigma;
  const double factor = 1 - ratio;
  if (!previous_sigma) return {.latent = ratio, .current = factor / 2, .fresh = factor / 2};
  const double here = log_signal_ratio(sigma);
  const double length = log_signal_ratio(next_sigma) - here;
  const double r = (log_signal_ratio(*previous_sigma) - here) / length;
  const double z = -length;
  const double phi1 = std::expm1(z);
  const double phi2 = phi1 / z - 1;
  const double phi3 = phi2 / z - 0.5;
  const double b1 = phi2 / phi1;
  const double b2 = 2 * phi3 / phi1;
  const double rho1 = (b1 - b2) / (1 - r);
  const double rho2 = b1 - rho1;
  return {.latent = ratio,
          .current = factor * (1 - rho2 - rho1 / r),
          .previous = factor * rho1 / r,
          .fresh = factor * rho2};
}

}  // namespace ditto
