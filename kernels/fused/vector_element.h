#pragma once

#include <cstdint>

#include "kernels/fused/vector_convert.h"

DITTO_BEGIN_TARGET

/// The bits of a 16-bit number.
struct Bfloat16 {
  std::uint16_t bits;
};
struct Half {
  std::uint16_t bits;
};

/// Storage of kVectorLanes elements of a type, and its way to fp32 and back (rounding to nearest even).
template <typename T>
struct Element;

template <>
struct Element<float> {
  using Vector = Floats;
  static DITTO_DEVICE Floats widen(const Vector& v) { return v; }
  static DITTO_DEVICE Vector narrow(const Floats& v) { return v; }
};

template <>
struct Element<Bfloat16> {
  using Vector = Shorts;
  static DITTO_DEVICE Floats widen(const Vector& v) { return bits_of<Floats>(to_words(v) << 16); }
  static DITTO_DEVICE Vector narrow(const Floats& v) {
    const Words bits = bits_of<Words>(v), rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    return to_shorts(v == v ? rounded : Words{} + 0x7fc0U);
  }
};

template <>
struct Element<Half> {
  using Vector = Shorts;
  static DITTO_DEVICE Floats widen(const Vector& v) { return half_to_floats(v); }
  static DITTO_DEVICE Vector narrow(const Floats& v) { return floats_to_half(v); }
};

template <>
struct Element<std::int8_t> {
  using Vector = Bytes;
  static DITTO_DEVICE Vector narrow(const Floats& v) { return to_bytes(v); }
};

template <>
struct Element<std::int32_t> {
  using Vector = Integers;
  static DITTO_DEVICE Floats widen(const Vector& v) { return __builtin_convertvector(v, Floats); }
};

/// A number whose bits are kept as they are, for selected().
struct Index {
  std::int32_t value;
};
template <>
struct Element<Index> {
  using Vector = Floats;
  static DITTO_DEVICE Floats widen(const Vector& v) { return v; }
};

/// Memory as packs, at any alignment.
template <typename T>
DITTO_DEVICE Pack load_pack(const T* from) {
  Pack pack;
  for (int i = 0; i < kParts; ++i) {
    typename Element<T>::Vector vector;
    __builtin_memcpy(&vector, from + i * kVectorLanes, sizeof(vector));
    pack.part[i] = Element<T>::widen(vector);
  }
  return pack;
}

template <typename T>
DITTO_DEVICE void store_pack(T* to, const Pack& pack) {
  for (int i = 0; i < kParts; ++i) {
    const typename Element<T>::Vector vector = Element<T>::narrow(pack.part[i]);
    __builtin_memcpy(to + i * kVectorLanes, &vector, sizeof(vector));
  }
}

/// What is left of the values when they are stored in the type.
template <typename T>
DITTO_DEVICE Pack rounded(Pack pack) {
  for (Floats& part : pack.part) part = Element<T>::widen(Element<T>::narrow(part));
  return pack;
}

/// Incomplete packs are rare: their code is kept out of the loops.
template <typename T>
DITTO_OUT_OF_LINE void load_part(const T* from, int count, Pack& pack) {
  T elements[kLanes] = {};
  __builtin_memcpy(elements, from, static_cast<unsigned>(count) * sizeof(T));
  pack = load_pack(elements);
}
template <typename T>
DITTO_OUT_OF_LINE void store_part(T* to, int count, const Pack& pack) {
  T elements[kLanes];
  store_pack(elements, pack);
  __builtin_memcpy(to, elements, static_cast<unsigned>(count) * sizeof(T));
}

/// The other lanes set to 0.
DITTO_DEVICE Pack first_lanes(const Pack& pack, int count) {
  float elements[kLanes];
  store_pack(elements, pack);
  Pack first;
  load_part(elements, count, first);
  return first;
}

DITTO_END_TARGET
