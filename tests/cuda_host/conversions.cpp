// The conversions of a GPU, from the definitions of the formats: to nearest, ties to even.

#include <algorithm>
#include <bit>
#include <cmath>

#include "cuda_host/device.h"

namespace ditto::kernels::device {

std::uint16_t to_bfloat16(float value) {
  if (std::isnan(value)) return 0x7fff;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

std::uint16_t to_half(float value) {
  if (std::isnan(value)) return 0x7fff;
  const unsigned sign = std::signbit(value) ? 0x8000U : 0U;
  const float size = std::fabs(value);
  constexpr float kTooLarge = 65520;  // halfway from the largest half to what would follow it
  if (size >= kTooLarge) return static_cast<std::uint16_t>(sign | 0x7c00U);
  int exponent = -24;
  if (size > 0) std::frexp(size, &exponent);
  // size = units * 2^(lowest), with 11 bits before the point, fewer for numbers below the normal ones.
  const int lowest = std::max(exponent - 11, -24);
  const auto units = static_cast<unsigned>(std::nearbyint(std::ldexp(size, -lowest)));
  // Rounding up to 2^11 units moves to the next exponent by the same addition.
  return static_cast<std::uint16_t>(sign | (units + (static_cast<unsigned>(lowest + 24) << 10)));
}

float from_half(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1f, fraction = bits & 0x3ff;
  float size = 0;
  if (exponent == 0x1f) {
    size = fraction == 0 ? HUGE_VALF : std::nanf("");
  } else {
    size = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                         : std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
  }
  return (bits & 0x8000U) != 0 ? -size : size;
}

}  // namespace ditto::kernels::device
