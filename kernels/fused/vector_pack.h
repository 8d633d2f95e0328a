#pragma once

#include <cstdint>

#include "kernels/arguments.h"
#include "kernels/fused/bits.h"
#include "kernels/fused/target.h"

DITTO_BEGIN_TARGET

/// A pack has this many elements on every CPU, whatever the width of its registers, and reductions add in an order that
/// follows from it alone: equal bits on all of them.
inline constexpr int kLanes = 16;

#if defined(__AVX512F__)
inline constexpr int kVectorLanes = 16;
#elif defined(__AVX2__)
inline constexpr int kVectorLanes = 8;
#else
inline constexpr int kVectorLanes = 4;
#endif
inline constexpr int kParts = kLanes / kVectorLanes;

template <typename T>
struct VectorOf {
  typedef T Type __attribute__((vector_size(kVectorLanes * sizeof(T))));
};
using Floats = VectorOf<float>::Type;
using Words = VectorOf<std::uint32_t>::Type;

/// kLanes fp32 values in registers: what every operation works on.
struct Pack {
  Floats part[kParts];
};

DITTO_DEVICE Pack operator+(Pack a, const Pack& b) {
  for (int i = 0; i < kParts; ++i) a.part[i] += b.part[i];
  return a;
}

DITTO_DEVICE Pack operator-(Pack a, const Pack& b) {
  for (int i = 0; i < kParts; ++i) a.part[i] -= b.part[i];
  return a;
}

DITTO_DEVICE Pack operator*(Pack a, const Pack& b) {
  for (int i = 0; i < kParts; ++i) a.part[i] *= b.part[i];
  return a;
}

DITTO_DEVICE Pack operator-(Pack a, float b) {
  for (Floats& part : a.part) part -= b;
  return a;
}

DITTO_DEVICE Pack operator*(Pack a, float b) {
  for (Floats& part : a.part) part *= b;
  return a;
}

DITTO_DEVICE Pack operator/(Pack a, float b) {
  for (Floats& part : a.part) part /= b;
  return a;
}

DITTO_DEVICE Pack absolute(Pack a) {
  for (Floats& part : a.part) part = bits_of<Floats>(bits_of<Words>(part) & 0x7fffffffU);
  return a;
}

/// Four lanes, for what is left of a reduction.
typedef float Quad __attribute__((vector_size(4 * sizeof(float))));
struct QuadsOfPack {
  Quad quad[kLanes / 4];
};

/// The larger one of values that are not negative; NaN when either is. Their bits are in order, with those of NaN
/// above.
template <typename V, typename Bits>
DITTO_DEVICE V larger_bits(const V& a, const V& b) {
  const Bits left = bits_of<Bits>(a), right = bits_of<Bits>(b);
  return bits_of<V>(left > right ? left : right);
}
typedef std::uint32_t QuadWords __attribute__((vector_size(sizeof(Quad))));
DITTO_DEVICE float larger(float a, float b) { return larger_bits<float, std::uint32_t>(a, b); }
DITTO_DEVICE Quad larger(const Quad& a, const Quad& b) { return larger_bits<Quad, QuadWords>(a, b); }
DITTO_DEVICE Pack larger(Pack a, const Pack& b) {
  for (int i = 0; i < kParts; ++i) a.part[i] = larger_bits<Floats, Words>(a.part[i], b.part[i]);
  return a;
}

DITTO_DEVICE float square_root(float value) { return __builtin_sqrtf(value); }

/// The nearest whole number, ties to even, of values below 2^22.
DITTO_DEVICE Pack nearest(Pack a) {
  constexpr float kShift = 0x1.8p23F;  // at this size the spacing of floats is 1
  for (Floats& part : a.part) part = (part + kShift) - kShift;
  return a;
}

/// The element of a table [kSelectableRow] at the index, below kSelectable, that is the bits of a lane.
DITTO_DEVICE Pack selected(const float* table, Pack index) {
  Floats low;
  __builtin_memcpy(&low, table, sizeof(low));
  for (Floats& part : index.part) {
    const Words lanes = bits_of<Words>(part);
    if constexpr (kVectorLanes < kSelectable) {
      Floats high;
      __builtin_memcpy(&high, table + kVectorLanes, sizeof(high));
      part = __builtin_shuffle(low, high, lanes);
    } else {
      part = __builtin_shuffle(low, lanes);
    }
  }
  return index;
}

template <int... kIndices>
struct Lanes {};
#if defined(__AVX512F__)
using AllLanes = Lanes<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>;
#elif defined(__AVX2__)
using AllLanes = Lanes<0, 1, 2, 3, 4, 5, 6, 7>;
#else
using AllLanes = Lanes<0, 1, 2, 3>;
#endif

/// Lane i of the result is lane ((i & kKeep) ^ kFlip) | kSet.
template <int kKeep, int kFlip, int kSet, int... kIndices>
DITTO_DEVICE Pack shuffled(Pack a, Lanes<kIndices...>) {
  for (Floats& part : a.part) part = __builtin_shufflevector(part, part, (((kIndices & kKeep) ^ kFlip) | kSet)...);
  return a;
}

/// Neighbours as complex numbers: lanes 2j are real parts, lanes 2j + 1 imaginary parts.
DITTO_DEVICE Pack complex_product(const Pack& a, const Pack& b) {
  const Pack real = shuffled<~1, 0, 0>(b, AllLanes{}), swapped = shuffled<~0, 1, 0>(a, AllLanes{});
  Pack imaginary = shuffled<~0, 0, 1>(b, AllLanes{});
  typedef std::uint64_t Pairs __attribute__((vector_size(sizeof(Floats))));
  for (Floats& part : imaginary.part) {
    part = bits_of<Floats>(bits_of<Words>(part) ^ bits_of<Words>(Pairs{} + 0x80000000ULL));  // i^2 = -1
  }
  return a * real + swapped * imaginary;
}

DITTO_END_TARGET
