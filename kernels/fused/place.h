#pragma once

#include <cstdint>

#include "kernels/fused/element.h"

DITTO_BEGIN_TARGET

/// All lanes of a pack are elements.
struct WholePack {
  template <typename T>
  DITTO_HOST_DEVICE Pack load(const T* from) const {
    return load_pack(from);
  }
  template <typename T>
  DITTO_HOST_DEVICE void store(T* to, const Pack& pack) const {
    store_pack(to, pack);
  }
  /// Lanes that are no elements set to 0, for reductions.
  DITTO_HOST_DEVICE Pack kept(const Pack& pack) const { return pack; }
};

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

/// The first `count` lanes are elements, 0 < count < kLanes; memory beyond them is not touched.
struct PartPack {
  int count;

  template <typename T>
  DITTO_HOST_DEVICE Pack load(const T* from) const {
    Pack pack;
    load_part(from, count, pack);
    return pack;
  }
  template <typename T>
  DITTO_HOST_DEVICE void store(T* to, const Pack& pack) const {
    store_part(to, count, pack);
  }
  DITTO_HOST_DEVICE Pack kept(const Pack& pack) const {
    float elements[kLanes];
    store_pack(elements, pack);
    return load(elements);
  }
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
  DITTO_HOST_DEVICE T* at(const P& place) const {
    return data + place.row * stride + place.column;
  }
};

/// One value for every column, the same in all rows.
template <typename T>
struct Columns {
  const T* data;
  template <typename P>
  DITTO_HOST_DEVICE const T* at(const P& place) const {
    return data + place.column;
  }
};

template <typename Leaf, typename P>
DITTO_HOST_DEVICE Pack load(const Leaf& leaf, const P& place) {
  return place.extent.load(leaf.at(place));
}

DITTO_END_TARGET
