#include "caches/profiling/relative_change.h"

#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

#include "kernels/change_metrics.h"

namespace ditto {

double relative_l1(const at::Tensor& now, const at::Tensor& before, KernelMode kernels) {
  const kernels::L1Change sums = kernels::l1_change(now, before, kernels);
  return sums.difference == 0 ? 0 : sums.difference / sums.before;
}

double mean_norm_ratio(const at::Tensor& now, const at::Tensor& before) {
  const auto norms = [](const at::Tensor& rows) {
    return at::linalg_vector_norm(rows.to(at::kFloat), 2, {-1}).to(at::kDouble);
  };
  const at::Tensor numerator = norms(now), denominator = norms(before);
  const at::Tensor unchanged = (numerator == 0).logical_and(denominator == 0);
  return at::where(unchanged, at::ones_like(numerator), numerator / denominator).mean().item<double>();
}

at::Tensor difference_of(const at::Tensor& after, const at::Tensor& before) {
  return after.to(at::kFloat) - before.to(at::kFloat);
}

at::Tensor unmeasured(at::IntArrayRef sizes) {
  return at::full(sizes, std::numeric_limits<double>::quiet_NaN(), at::kDouble);
}

}  // namespace ditto
