#include "caches/profiling/polynomial_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_lstsq.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/square.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

namespace ditto {
namespace {

double sum_of_squares(const at::Tensor& values) { return values.square().sum().item<double>(); }

}  // namespace

PolynomialFit fit_polynomial(std::span<const double> x, std::span<const double> y, int degree) {
  TORCH_CHECK(x.size() == y.size(), "fit_polynomial: ", x.size(), " x and ", y.size(), " y");
  std::vector<double> used_x, used_y;
  double largest = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    if (!std::isfinite(x[k]) || !std::isfinite(y[k])) continue;
    used_x.push_back(x[k]);
    used_y.push_back(y[k]);
    largest = std::max(largest, std::abs(x[k]));
  }
  PolynomialFit fit;
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  if (used_x.empty()) return {std::vector<double>(static_cast<std::size_t>(degree) + 1, kNone), kNone};

  const double scale = largest > 0 ? largest : 1;
  const at::Tensor scaled = at::tensor(used_x, at::kDouble) / scale;
  std::vector<at::Tensor> powers;
  for (int power = degree; power >= 0; --power) powers.push_back(scaled.pow(power));
  const at::Tensor matrix = at::stack(powers, 1), target = at::tensor(used_y, at::kDouble).unsqueeze(1);
  // The singular value decomposition: fewer different x than coefficients give the smallest ones.
  const at::Tensor solution = std::get<0>(at::linalg_lstsq(matrix, target, {}, "gelsd"));
  for (int k = 0; k <= degree; ++k) {
    fit.coefficients.push_back(solution[k].item<double>() / std::pow(scale, degree - k));
  }
  const double missed = sum_of_squares(at::matmul(matrix, solution) - target);
  const double varied = sum_of_squares(target - target.mean());
  fit.r2 = varied > 0 ? 1 - missed / varied : (missed <= std::numeric_limits<double>::epsilon() ? 1 : 0);
  return fit;
}

}  // namespace ditto
