#pragma once

#include <cstdint>

#include "kernels/cuda/device.h"
#include "kernels/fused/bits.h"
#include "kernels/fused/target.h"

DITTO_BEGIN_TARGET

/// Eight lanes: one access of 16 bytes for 16-bit elements, two for fp32.
inline constexpr int kLanes = 8;

struct Pack {
  float lane[kLanes];
};

using device::nearest;
using device::square_root;

/// function(i) for every lane, as a pack.
template <typename Function>
DITTO_DEVICE Pack for_lanes(const Function& function) {
  Pack result;
  for (int i = 0; i < kLanes; ++i) result.lane[i] = function(i);
  return result;
}

DITTO_DEVICE Pack operator+(const Pack& a, const Pack& b) {
  return for_lanes([&](int i) { return a.lane[i] + b.lane[i]; });
}
DITTO_DEVICE Pack operator-(const Pack& a, const Pack& b) {
  return for_lanes([&](int i) { return a.lane[i] - b.lane[i]; });
}
DITTO_DEVICE Pack operator*(const Pack& a, const Pack& b) {
  return for_lanes([&](int i) { return a.lane[i] * b.lane[i]; });
}
DITTO_DEVICE Pack operator-(const Pack& a, float b) {
  return for_lanes([&](int i) { return a.lane[i] - b; });
}
DITTO_DEVICE Pack operator*(const Pack& a, float b) {
  return for_lanes([&](int i) { return a.lane[i] * b; });
}
DITTO_DEVICE Pack operator/(const Pack& a, float b) {
  return for_lanes([&](int i) { return a.lane[i] / b; });
}
DITTO_DEVICE Pack absolute(const Pack& a) {
  return for_lanes([&](int i) { return bits_of<float>(bits_of<std::uint32_t>(a.lane[i]) & 0x7fffffffU); });
}
DITTO_DEVICE Pack nearest(const Pack& a) {
  return for_lanes([&](int i) { return nearest(a.lane[i]); });
}

/// The larger one; NaN when either is.
DITTO_DEVICE float larger(float a, float b) { return a > b || a != a ? a : b; }
DITTO_DEVICE Pack larger(const Pack& a, const Pack& b) {
  return for_lanes([&](int i) { return larger(a.lane[i], b.lane[i]); });
}

/// Neighbours as complex numbers: lanes 2j are real parts, lanes 2j + 1 imaginary parts.
DITTO_DEVICE Pack complex_product(const Pack& a, const Pack& b) {
  return for_lanes([&](int i) {
    const int real = i & ~1, imaginary = i | 1;
    return i == real ? a.lane[real] * b.lane[real] - a.lane[imaginary] * b.lane[imaginary]
                     : a.lane[imaginary] * b.lane[real] + a.lane[real] * b.lane[imaginary];
  });
}

/// The bits of a 16-bit number.
struct Bfloat16 {
  std::uint16_t bits;
};
struct Half {
  std::uint16_t bits;
};

DITTO_DEVICE float widen(float value) { return value; }
DITTO_DEVICE float widen(Bfloat16 value) { return bits_of<float>(static_cast<std::uint32_t>(value.bits) << 16); }
DITTO_DEVICE float widen(Half value) { return device::from_half(value.bits); }
DITTO_DEVICE float widen(std::int32_t value) { return static_cast<float>(value); }

/// Two neighbours as one word of 16-bit elements, rounded to nearest, ties to even.
DITTO_DEVICE std::uint32_t narrow_pair(float first, float second, Bfloat16) {
  return device::to_bfloat16s(first, second);
}
DITTO_DEVICE std::uint32_t narrow_pair(float first, float second, Half) { return device::to_halves(first, second); }
template <typename T>
DITTO_DEVICE void narrow(float value, T& to) {
  to.bits = static_cast<std::uint16_t>(narrow_pair(value, 0, T{}));
}
DITTO_DEVICE void narrow(float value, float& to) { to = value; }
/// Of whole numbers in [-128, 127]; others, and NaN, become 0.
DITTO_DEVICE void narrow(float value, std::int8_t& to) {
  to = value >= -128 && value <= 127 ? static_cast<std::int8_t>(value) : std::int8_t{};
}

/// What is left of the values when they are stored in the type.
template <typename T>
DITTO_DEVICE Pack rounded(const Pack& pack) {
  return for_lanes([&](int i) {
    T element;
    narrow(pack.lane[i], element);
    return widen(element);
  });
}

/// The first `count` lanes from and to memory at any alignment; the other lanes are 0.
template <typename T>
DITTO_DEVICE void load_part(const T* from, int count, Pack& pack) {
  pack = for_lanes([&](int i) { return i < count ? widen(from[i]) : 0.0F; });
}
template <typename T>
DITTO_DEVICE void store_part(T* to, int count, const Pack& pack) {
  for (int i = 0; i < kLanes; ++i) {
    if (i < count) narrow(pack.lane[i], to[i]);
  }
}
DITTO_DEVICE Pack first_lanes(const Pack& pack, int count) {
  return for_lanes([&](int i) { return i < count ? pack.lane[i] : 0.0F; });
}

template <typename T>
DITTO_DEVICE Pack load_pack(const T* from) {
  return for_lanes([&](int i) { return widen(from[i]); });
}
template <typename T>
DITTO_DEVICE void store_pack(T* to, const Pack& pack) {
  store_part(to, kLanes, pack);
}

DITTO_END_TARGET
