#pragma once

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/dot.h>

namespace ditto::test {

/// Largest absolute value; NaN when any value is.
inline double largest(const at::Tensor& tensor) { return tensor.to(at::kDouble).abs().max().item<double>(); }

/// Largest absolute difference divided by the largest absolute value of the reference.
inline double relative_error(const at::Tensor& actual, const at::Tensor& reference) {
  return largest(actual.to(at::kDouble) - reference.to(at::kDouble)) / largest(reference);
}

/// Largest absolute difference in spacings that a 16-bit reference has at its own largest magnitude.
inline double error_in_ulps(const at::Tensor& actual, const at::Tensor& reference) {
  const int fraction_bits = reference.scalar_type() == at::kHalf ? 10 : 7;
  const double ulp = std::ldexp(1.0, std::ilogb(largest(reference)) - fraction_bits);
  return largest(actual.to(at::kDouble) - reference.to(at::kDouble)) / ulp;
}

inline double cosine(const at::Tensor& left, const at::Tensor& right) {
  const at::Tensor a = left.to(at::kDouble).flatten(), b = right.to(at::kDouble).flatten();
  return at::dot(a, b).item<double>() / (a.norm().item<double>() * b.norm().item<double>());
}

}  // namespace ditto::test
