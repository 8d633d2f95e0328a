#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>

#include "kernels/reference/reference.h"

namespace ditto::kernels::reference {
namespace {

double total(const at::Tensor& tensor) { return tensor.sum(at::kDouble).item<double>(); }

}  // namespace

at::Tensor l1_sums(const at::Tensor& now, const at::Tensor& before) {
  const at::Tensor wide = before.to(at::kFloat);
  return at::stack({(now.to(at::kFloat) - wide).abs().sum(at::kDouble), wide.abs().sum(at::kDouble)});
}

double cosine_similarity(const at::Tensor& now, const at::Tensor& before) {
  const at::Tensor a = now.to(at::kFloat), b = before.to(at::kFloat);
  return total(a * b) / std::sqrt(total(a * a) * total(b * b));
}

double mean_squared_error(const at::Tensor& now, const at::Tensor& before) {
  const at::Tensor difference = now.to(at::kFloat) - before.to(at::kFloat);
  return total(difference * difference) / static_cast<double>(now.numel());
}

}  // namespace ditto::kernels::reference
