#pragma once

#include "kernels/fused/map.h"

DITTO_BEGIN_TARGET

/// The reduce pattern over two arrays: totals[k] = sum of Terms[k]::of(a, b) over `count` elements. Each call is one
/// ordered partial; whoever splits an array into parts of a fixed length and adds their totals in order gets the same
/// bits for every number of threads.
template <typename... Terms, typename T>
DITTO_DEVICE void reduce_pair(const T* a, const T* b, std::int64_t count, double* totals) {
  constexpr int kTurns = 4, kTerms = sizeof...(Terms);
  Pack sums[kTerms][kTurns] = {};
  const auto add = [&](const auto& place, int turn) DITTO_INLINE_LAMBDA {
    const Pack left = place.extent.load(a + place.column), right = place.extent.load(b + place.column);
    int k = 0;
    ((sums[k][turn] = sums[k][turn] + Terms::of(left, right), ++k), ...);
  };
  std::int64_t column = 0;
  for (; column + kTurns * kLanes <= count; column += kTurns * kLanes) {
    for (int turn = 0; turn < kTurns; ++turn) {
      const std::int64_t at = column + turn * kLanes;
      add(Place<WholePack>{0, at, at, {}}, turn);
    }
  }
  // Lanes beyond the end are loaded as zeros, and no term of two zeros is anything else.
  for_packs(0, column, count, 0, [&](const auto& place) DITTO_INLINE_LAMBDA { add(place, 0); });
  for (int k = 0; k < kTerms; ++k) {
    float lanes[kLanes];
    store_pack(lanes, (sums[k][0] + sums[k][1]) + (sums[k][2] + sums[k][3]));
    totals[k] = 0;
    for (const float lane : lanes) totals[k] += static_cast<double>(lane);
  }
}

struct AbsoluteDifference {
  static DITTO_DEVICE Pack of(const Pack& a, const Pack& b) { return absolute(a - b); }
};
struct AbsoluteSecond {
  static DITTO_DEVICE Pack of(const Pack&, const Pack& b) { return absolute(b); }
};
struct Product {
  static DITTO_DEVICE Pack of(const Pack& a, const Pack& b) { return a * b; }
};
struct SquaredFirst {
  static DITTO_DEVICE Pack of(const Pack& a, const Pack&) { return a * a; }
};
struct SquaredSecond {
  static DITTO_DEVICE Pack of(const Pack&, const Pack& b) { return b * b; }
};
struct SquaredDifference {
  static DITTO_DEVICE Pack of(const Pack& a, const Pack& b) { return (a - b) * (a - b); }
};

DITTO_END_TARGET
