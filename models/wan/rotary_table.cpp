#include "models/wan/rotary_table.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/polar.h>
#include <ATen/ops/pow.h>

namespace ditto {
namespace {

constexpr double kBase = 10000;

/// Angles [positions, channels / 2] of one axis.
at::Tensor axis_angles(std::int64_t positions, std::int64_t channels) {
  const at::Tensor exponents = at::arange(0, channels, 2, at::kDouble) / static_cast<double>(channels);
  return at::outer(at::arange(positions, at::kDouble), at::pow(at::Scalar(kBase), exponents).reciprocal());
}

}  // namespace

at::Tensor rotary_table(const std::array<std::int64_t, 3>& grid, std::int64_t head_width) {
  const std::int64_t plane = 2 * (head_width / 6);
  const std::array<std::int64_t, 3> channels{head_width - 2 * plane, plane, plane};
  std::vector<at::Tensor> axes;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    std::vector<std::int64_t> sizes{1, 1, 1, channels[axis] / 2};
    sizes[axis] = grid[axis];
    axes.push_back(
        axis_angles(grid[axis], channels[axis]).view(sizes).expand({grid[0], grid[1], grid[2], channels[axis] / 2}));
  }
  const at::Tensor angles = at::cat(axes, -1).flatten(0, 2).unsqueeze(1);
  return at::polar(at::ones_like(angles), angles).to(at::kComplexFloat);
}

}  // namespace ditto
