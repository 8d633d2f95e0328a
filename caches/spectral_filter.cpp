#include "caches/spectral_filter.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>

#include "kernels/host/matrices.h"

namespace ditto {
namespace {

/// The filter of one axis as a circulant matrix: axes are short, so that a product is cheaper than complex transforms
/// of the whole grid.
at::Tensor filter_matrix(int length, double sigma, double power) {
  const std::vector<double> gains = spectral_gains(length, sigma, power);
  std::vector<double> response(static_cast<std::size_t>(length));
  for (int distance = 0; distance < length; ++distance) {
    double sum = 0;
    for (int k = 0; k < length; ++k) {
      sum += gains[static_cast<std::size_t>(k)] * std::cos(2 * std::numbers::pi * k * distance / length);
    }
    response[static_cast<std::size_t>(distance)] = sum / length;
  }
  std::vector<double> matrix;
  for (int row = 0; row < length; ++row) {
    for (int column = 0; column < length; ++column) {
      matrix.push_back(response[static_cast<std::size_t>(std::abs(row - column))]);
    }
  }
  return at::tensor(matrix, at::kFloat).reshape({length, length});
}

}  // namespace

std::vector<double> spectral_gains(int length, double sigma, double power) {
  constexpr double kTiny = 1e-16;
  const double noise = std::clamp(sigma, 1e-6, 1 - 1e-6);
  const double signal = 1 - noise;
  std::vector<double> gains(static_cast<std::size_t>(length));
  for (int k = 0; k < length; ++k) {
    const double frequency = static_cast<double>(std::min(k, length - k)) / length;
    const double spectrum = 1 / (std::pow(frequency, power) + kTiny);
    gains[static_cast<std::size_t>(k)] = signal * spectrum / (signal * signal * spectrum + noise * noise + kTiny);
  }
  const double mean = std::accumulate(gains.begin(), gains.end(), 0.0) / length;
  for (double& gain : gains) gain /= mean;
  return gains;
}

at::Tensor spectral_filter(const at::Tensor& grid, double sigma, double power) {
  at::Tensor filtered = grid.to(at::kFloat);
  for (std::int64_t axis = 0; axis < 3; ++axis) {
    const std::int64_t length = grid.size(axis);
    if (length == 1) continue;  // the only frequency has the gain 1
    const at::Tensor matrix = kernels::uploaded(filter_matrix(static_cast<int>(length), sigma, power), grid.device());
    std::int64_t outer = 1;
    for (std::int64_t before = 0; before < axis; ++before) outer *= grid.size(before);
    filtered = at::matmul(matrix, filtered.reshape({outer, length, -1}));
  }
  return filtered.reshape(grid.sizes());
}

}  // namespace ditto
