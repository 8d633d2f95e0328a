#pragma once

#include <array>
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace ditto {

/// Rotary position embedding over three axes: complex64 [tokens, 1, head_width / 2], cos + i sin of position times
/// 10000^(-2j / m) with frames slowest and columns fastest. Height and width each take 2 * (head_width / 6) channels,
/// time the rest. Angles, sines and cosines are computed in fp64.
at::Tensor rotary_table(const std::array<std::int64_t, 3>& grid, std::int64_t head_width);

}  // namespace ditto
