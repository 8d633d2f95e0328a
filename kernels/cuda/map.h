#pragma once

#include "kernels/cuda/place.h"
#include "kernels/fused/map.h"

DITTO_BEGIN_TARGET

/// The element-wise pattern: a thread takes one pack of a row, a block a piece of a row of `pieces`.
template <typename Whole, typename... Stages>
DITTO_KERNEL void map_kernel(unsigned pieces, std::int64_t columns, Stages... stages) {
  const std::int64_t row = device::block_index() / pieces, piece = device::block_index() % pieces;
  const std::int64_t column = (piece * device::block_size() + device::thread_index()) * kLanes;
  if (column + kLanes <= columns) {
    run_stages(Place<Whole>{row, column, column, {}}, Pack{}, stages...);
  } else if (column < columns) {
    run_stages(Place<PartPack>{row, column, column, {static_cast<int>(columns - column)}}, Pack{}, stages...);
  }
}

template <typename... Stages>
int launch_map(bool aligned, std::int64_t rows, std::int64_t columns, device::Stream stream, const Stages&... stages) {
  constexpr std::int64_t kMostThreads = 256;
  const std::int64_t packs = divided_up(columns, kLanes), pieces = divided_up(packs, kMostThreads);
  if (rows * pieces == 0) return 0;
  const std::int64_t threads = divided_up(divided_up(packs, pieces), kWarp) * kWarp;
  return with_extent(aligned, [&]<typename Whole>(Whole) {
    return device::launch(map_kernel<Whole, Stages...>, rows * pieces, static_cast<int>(threads), 0, stream,
                          static_cast<unsigned>(pieces), columns, stages...);
  });
}

DITTO_END_TARGET
