#pragma once

#include <cstdint>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kernels/fused/vector_pack.h"

DITTO_BEGIN_TARGET

/// Between 32-bit lanes and narrower ones. g++ 12 makes several instructions of a generic conversion where the
/// processor has one, so these are spelled out; the masked forms of AVX-512 because it warns of the others' undefined
/// operand.

using Integers = VectorOf<std::int32_t>::Type;
using Shorts = VectorOf<std::uint16_t>::Type;
using Bytes = VectorOf<std::int8_t>::Type;

#if defined(__AVX512F__)

inline constexpr __mmask16 kEveryLane = 0xffff;

DITTO_DEVICE Words to_words(const Shorts& v) {
  return bits_of<Words>(_mm512_maskz_cvtepu16_epi32(kEveryLane, bits_of<__m256i>(v)));
}
/// Of values below 2^16.
DITTO_DEVICE Shorts to_shorts(const Words& v) {
  return bits_of<Shorts>(_mm512_maskz_cvtepi32_epi16(kEveryLane, bits_of<__m512i>(v)));
}
/// Of whole numbers in [-128, 127]; NaN becomes 0.
DITTO_DEVICE Bytes to_bytes(const Floats& v) {
  return bits_of<Bytes>(_mm512_maskz_cvtepi32_epi8(kEveryLane, _mm512_maskz_cvttps_epi32(kEveryLane, v)));
}
DITTO_DEVICE Floats half_to_floats(const Shorts& v) { return _mm512_maskz_cvtph_ps(kEveryLane, bits_of<__m256i>(v)); }
DITTO_DEVICE Shorts floats_to_half(const Floats& v) {
  return bits_of<Shorts>(_mm512_maskz_cvtps_ph(kEveryLane, v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#elif defined(__AVX2__)

DITTO_DEVICE Words to_words(const Shorts& v) { return bits_of<Words>(_mm256_cvtepu16_epi32(bits_of<__m128i>(v))); }
DITTO_DEVICE Shorts to_shorts(const Words& v) {
  const __m256i wide = bits_of<__m256i>(v);
  return bits_of<Shorts>(_mm_packus_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1)));
}
DITTO_DEVICE Bytes to_bytes(const Floats& v) {
  // NaN becomes the lowest integer, whose lowest byte is 0; shifting makes that byte, with its sign, the whole number.
  const __m256i wide = _mm256_srai_epi32(_mm256_slli_epi32(_mm256_cvttps_epi32(v), 24), 24);
  const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  return bits_of<Bytes>(_mm_cvtsi128_si64(_mm_packs_epi16(shorts, shorts)));
}
DITTO_DEVICE Floats half_to_floats(const Shorts& v) { return _mm256_cvtph_ps(bits_of<__m128i>(v)); }
DITTO_DEVICE Shorts floats_to_half(const Floats& v) {
  return bits_of<Shorts>(_mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#else

DITTO_DEVICE Words to_words(const Shorts& v) { return __builtin_convertvector(v, Words); }
DITTO_DEVICE Shorts to_shorts(const Words& v) { return __builtin_convertvector(v, Shorts); }
DITTO_DEVICE Bytes to_bytes(const Floats& v) {
  const Floats known = v == v ? v : Floats{};
  return __builtin_convertvector(__builtin_convertvector(known, Integers), Bytes);
}
DITTO_DEVICE Floats half_to_floats(const Shorts& v) {
  const Words half = to_words(v), sign = (half & 0x8000U) << 16, size = (half & 0x7fffU) << 13;
  // Moved to fp32's exponents by an exact product, which also makes small halves normal.
  const Words finite = bits_of<Words>(bits_of<Floats>(size) * 0x1p112F);
  return bits_of<Floats>(sign | (size < (0x7c00U << 13) ? finite : size | 0x7f800000U));
}
DITTO_DEVICE Shorts floats_to_half(const Floats& v) {
  const Words bits = bits_of<Words>(v), size = bits & 0x7fffffffU, sign = (bits >> 16) & 0x8000U;
  const Words moved = size - (112U << 23), normal = (moved + 0xfffU + ((moved >> 13) & 1U)) >> 13;
  // Beside 0.5 the spacing of floats is that of small halves: the addition rounds.
  const Words small = bits_of<Words>(bits_of<Floats>(size) + 0.5F) - bits_of<std::uint32_t>(0.5F);
  const Words finite = size < 0x38800000U ? small : normal;
  const Words large = size > 0x7f800000U ? Words{} + 0x7e00U : Words{} + 0x7c00U;
  return to_shorts(sign | (size < 0x47800000U ? finite : large));
}

#endif

DITTO_END_TARGET
