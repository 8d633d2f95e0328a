#pragma once

#include "kernels/cuda/place.h"

DITTO_BEGIN_TARGET

/// The lanes of a pack combined: those 4, 2 and 1 apart.
template <typename Statistic>
DITTO_DEVICE float reduce_lanes(const Pack& pack) {
  const float* const lane = pack.lane;
  return Statistic::combined(
      Statistic::combined(Statistic::combined(lane[0], lane[4]), Statistic::combined(lane[2], lane[6])),
      Statistic::combined(Statistic::combined(lane[1], lane[5]), Statistic::combined(lane[3], lane[7])));
}

/// The values of a warp's threads combined, the same in all of them.
template <typename Statistic>
DITTO_DEVICE float reduce_warp(float value) {
  for (unsigned mask = kWarp / 2; mask > 0; mask /= 2) {
    value = Statistic::combined(value, device::shuffle_xor(value, mask));
  }
  return value;
}

/// The values of a block's threads combined in an order that depends on their number alone; all threads get the result.
/// Each use in a kernel has a slot of its own, so that one barrier is enough.
template <typename Statistic, int kSlot>
DITTO_DEVICE float reduce_block(float value) {
  DITTO_SHARED device::SharedArray<float, kWarp> of_warp;
  const unsigned warps = device::block_size() / kWarp, thread = device::thread_index();
  value = reduce_warp<Statistic>(value);
  if (thread % kWarp == 0) of_warp.write(thread / kWarp, value);
  device::barrier();
  float total = of_warp.read(0);
  for (unsigned warp = 1; warp < warps; ++warp) total = Statistic::combined(total, of_warp.read(warp));
  return total;
}

DITTO_END_TARGET
