#include "caches/change.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/mean.h>

#include "kernels/change_metrics.h"

namespace ditto {

double mean_abs(const at::Tensor& tensor) { return tensor.to(at::kFloat).abs().mean().item<double>(); }

std::optional<double> relative_change(const at::Tensor& now, const at::Tensor& before, KernelMode kernels) {
  constexpr double kSmallestDenominator = 1e-12;
  const kernels::L1Change sums = kernels::l1_change(now, before, kernels);
  const double count = static_cast<double>(now.numel());
  const double numerator = sums.difference / count, denominator = sums.before / count;
  if (!std::isfinite(numerator) || !(denominator >= kSmallestDenominator) || !std::isfinite(denominator)) return {};
  return numerator / denominator;
}

}  // namespace ditto
