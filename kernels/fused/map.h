#pragma once

#include "kernels/fused/place.h"

DITTO_BEGIN_TARGET

/// Passes one value through the stages in registers. A stage is a small struct of parameters with
/// `Pack operator()(const Place&, const Pack&) const`; sources ignore the value, sinks return it.
template <typename P, typename... Stages>
DITTO_DEVICE void run_stages(const P& place, Pack value, const Stages&... stages) {
  ((value = stages(place, value)), ...);
}

/// Calls body(place) for the packs of columns [begin, end) of a row; `first` is the first column of their segment.
template <typename Body>
DITTO_DEVICE void for_packs(std::int64_t row, std::int64_t begin, std::int64_t end, std::int64_t first,
                            const Body& body) {
  std::int64_t column = begin;
  for (; column + kLanes <= end; column += kLanes) body(Place<WholePack>{row, column, column - first, {}});
  if (column < end) body(Place<PartPack>{row, column, column - first, {static_cast<int>(end - column)}});
}

/// The element-wise pattern (vertical fusion): every element of the tile is read, passed through all stages and written
/// once. Outputs may be the inputs at the same place.
template <typename... Stages>
DITTO_DEVICE void map(const Tile& tile, const Stages... stages) {
  for (std::int64_t row = tile.first; row < tile.last; ++row) {
    for_packs(row, tile.begin, tile.end, 0,
              [&](const auto& place) DITTO_INLINE_LAMBDA { run_stages(place, Pack{}, stages...); });
  }
}

DITTO_END_TARGET
