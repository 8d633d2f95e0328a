#pragma once

#include <cstdint>

#include "kernels/fused/element.h"

DITTO_BEGIN_TARGET

/// All lanes of a pack are elements.
struct WholePack {
  template <typename T>
  DITTO_DEVICE Pack load(const T* from) const {
    return load_pack(from);
  }
  template <typename T>
  DITTO_DEVICE void store(T* to, const Pack& pack) const {
    store_pack(to, pack);
  }
  /// Lanes that are no elements set to 0, for reductions.
  DITTO_DEVICE Pack kept(const Pack& pack) const { return pack; }
};

/// The first `count` lanes are elements, 0 < count < kLanes; memory beyond them is not touched.
struct PartPack {
  int count;

  template <typename T>
  DITTO_DEVICE Pack load(const T* from) const {
    Pack pack;
    load_part(from, count, pack);
    return pack;
  }
  template <typename T>
  DITTO_DEVICE void store(T* to, const Pack& pack) const {
    store_part(to, count, pack);
  }
  DITTO_DEVICE Pack kept(const Pack& pack) const { return first_lanes(pack, count); }
};

/// Where a pack lies in a view of rows by columns; columns may be grouped in segments of equal width, such as heads.
template <typename Extent>
struct Place {
  std::int64_t row, column, column_in_segment;
  Extent extent;
};

/// Columns [begin, end) of rows [first, last).
struct Tile {
  std::int64_t first, last, begin, end;
};

/// A matrix whose columns are neighbours in memory; `stride` elements from row to row.
template <typename T>
struct Rows {
  T* data;
  std::int64_t stride;
  template <typename P>
  DITTO_DEVICE T* at(const P& place) const {
    return data + place.row * stride + place.column;
  }
};

/// One value for every column, the same in all rows.
template <typename T>
struct Columns {
  const T* data;
  template <typename P>
  DITTO_DEVICE const T* at(const P& place) const {
    return data + place.column;
  }
};

template <typename Leaf, typename P>
DITTO_DEVICE Pack load(const Leaf& leaf, const P& place) {
  return place.extent.load(leaf.at(place));
}

DITTO_END_TARGET
