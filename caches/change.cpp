#include "caches/change.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/mean.h>

namespace ditto {

double mean_abs(const at::Tensor& tensor) { return tensor.to(at::kFloat).abs().mean().item<double>(); }

std::optional<double> relative_change(const at::Tensor& now, const at::Tensor& before) {
  constexpr double kSmallestDenominator = 1e-12;
  const double denominator = mean_abs(before);
  const double numerator = mean_abs(now.to(at::kFloat) - before.to(at::kFloat));
  if (!std::isfinite(numerator) || !(denominator >= kSmallestDenominator) || !std::isfinite(denominator)) return {};
  return numerator / denominator;
}

}  // namespace ditto
