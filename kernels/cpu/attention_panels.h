#pragma once

#include "kernels/fused/map.h"

#if defined(__AVX512F__)

DITTO_BEGIN_TARGET

/// Small matrix products out of the caches, for AVX-512. The left matrix has kTileRows rows; the right one lies in
/// panels of kPanel columns, or what is left of them, one after the other, each row by row.

inline constexpr int kTileRows = 6, kTilePacks = 4;  // as many sums as the registers hold
inline constexpr int kPanel = kTilePacks * kLanes;

DITTO_DEVICE Pack multiply_add(const Pack& a, const Pack& b, const Pack& c) {
  return {{_mm512_fmadd_ps(a.part[0], b.part[0], c.part[0])}};
}
DITTO_DEVICE Pack every_lane(float value) { return {{_mm512_set1_ps(value)}}; }

/// Where a column of a matrix in panels begins, and how far it is from row to row.
struct PanelColumn {
  int begin, stride;
};
DITTO_DEVICE PanelColumn panel_column(int column, int rows, int columns) {
  const int first = column / kPanel * kPanel;
  return {first * rows + column - first, columns - first < kPanel ? columns - first : kPanel};
}

/// A matrix in panels; `columns` is a multiple of kLanes.
struct Panels {
  const float* data;
  int rows, columns;
};

/// start(row, column) + left * right for kPacks packs from `column` on; finish(row, column, packs) takes the results.
template <int kPacks, typename Start, typename Finish>
DITTO_DEVICE void multiply_panel(const float* left, int left_stride, const Panels& right, int column,
                                 const Start& start, const Finish& finish) {
  const float* const panel = right.data + column * right.rows;
  Pack sums[kTileRows][kPacks];
  for (int row = 0; row < kTileRows; ++row) {
    for (int i = 0; i < kPacks; ++i) sums[row][i] = start(row, column + i * kLanes);
  }
  for (int k = 0; k < right.rows; ++k) {
    Pack packs[kPacks];
    for (int i = 0; i < kPacks; ++i) packs[i] = load_pack(panel + (k * kPacks + i) * kLanes);
    for (int row = 0; row < kTileRows; ++row) {
      const Pack factor = every_lane(left[row * left_stride + k]);
      for (int i = 0; i < kPacks; ++i) sums[row][i] = multiply_add(factor, packs[i], sums[row][i]);
    }
  }
  for (int row = 0; row < kTileRows; ++row) {
    for (int i = 0; i < kPacks; ++i) finish(row, column + i * kLanes, sums[row][i]);
  }
}

/// The last panel, narrower than the others.
template <int kPacks, typename... Arguments>
DITTO_DEVICE void multiply_last(int packs, const Arguments&... arguments) {
  if constexpr (kPacks > 0) {
    if (packs == kPacks) return multiply_panel<kPacks>(arguments...);
    multiply_last<kPacks - 1>(packs, arguments...);
  }
}

/// The same for all columns.
template <typename Start, typename Finish>
DITTO_DEVICE void multiply(const float* left, int left_stride, const Panels& right, const Start& start,
                           const Finish& finish) {
  int column = 0;
  for (; column + kPanel <= right.columns; column += kPanel) {
    multiply_panel<kTilePacks>(left, left_stride, right, column, start, finish);
  }
  multiply_last<kTilePacks - 1>((right.columns - column) / kLanes, left, left_stride, right, column, start, finish);
}

DITTO_END_TARGET

#endif
