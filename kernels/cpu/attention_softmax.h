#pragma once

#include "kernels/cpu/attention_panels.h"
#include "kernels/fused/rows.h"
#include "kernels/fused/statistics.h"

#if defined(__AVX512F__)

DITTO_BEGIN_TARGET

/// The larger one, or b when either is NaN: one instruction.
DITTO_DEVICE Pack upper(const Pack& a, const Pack& b) { return {{a.part[0] > b.part[0] ? a.part[0] : b.part[0]}}; }

/// e^x of x <= 0, to a unit or two in the last place; never less than e^-87. NaN stays NaN.
DITTO_DEVICE Pack exponential(const Pack& x) {
  constexpr float kLeast = -87.0F, kOctavesPerUnit = 0x1.715476p0F;
  constexpr float kOctaveHigh = 0x1.62e4p-1F,
                  kOctaveLow = 0x1.7f7d1cp-20F;  // ln 2; whole multiples of the first are exact
  constexpr float kShift = 0x1.8p23F;  // at this size the spacing of floats is 1: whole numbers lie in the lowest bits
  constexpr float kTerms[] = {1.0F / 120, 1.0F / 24, 1.0F / 6, 1.0F / 2, 1, 1};
  const Pack value = upper(every_lane(kLeast), x);
  const Pack shifted = multiply_add(value, every_lane(kOctavesPerUnit), every_lane(kShift));
  const Pack octaves = shifted - kShift;
  const Pack rest =
      multiply_add(octaves, every_lane(-kOctaveLow), multiply_add(octaves, every_lane(-kOctaveHigh), value));
  Pack sum = every_lane(1.0F / 720);
  for (const float term : kTerms) sum = multiply_add(sum, rest, every_lane(term));
  const Words power = (bits_of<Words>(shifted) << 23) + bits_of<std::uint32_t>(1.0F);
  return sum * bits_of<Pack>(power);
}

/// Of numbers; a NaN is found by the sum of the exponentials.
struct Largest {
  template <typename V>
  static DITTO_DEVICE V combined(const V& a, const V& b) {
    return a > b ? a : b;
  }
};

/// What the softmax of a query knows after some blocks of keys.
struct SoftmaxState {
  float largest, sum;
};

/// Turns a query's scores of a block, `tops` the largest of every lane, into exponentials relative to the largest so
/// far. Returns the factor of what was mixed before.
DITTO_DEVICE float softmax_block(float* scores, int keys, const Pack& tops, SoftmaxState& state) {
  const float largest = Largest::combined(reduce_lanes<Largest>(tops), state.largest);
  Pack sum{};
  for_packs(0, 0, keys, 0, [&](const auto& place) DITTO_INLINE_LAMBDA {
    const Pack share = exponential(load_pack(scores + place.column) - largest);
    store_pack(scores + place.column, share);
    sum = sum + place.extent.kept(share);
  });
  const float factor = state.sum == 0 ? 0 : exponential(every_lane(state.largest - largest)).part[0][0];
  state = {largest, state.sum * factor + reduce_lanes<Summed>(sum)};
  return factor;
}

DITTO_END_TARGET

#endif
