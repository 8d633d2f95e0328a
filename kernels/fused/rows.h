#pragma once

#include "kernels/fused/map.h"
#include "kernels/fused/stages.h"

DITTO_BEGIN_TARGET

/// Lanes i and i + 8 combined, then those 4, 2 and 1 apart.
template <typename Statistic>
DITTO_DEVICE float reduce_lanes(const Pack& pack) {
  const auto quads = bits_of<QuadsOfPack>(pack);
  const Quad quad = Statistic::combined(Statistic::combined(quads.quad[0], quads.quad[2]),
                                        Statistic::combined(quads.quad[1], quads.quad[3]));
  return Statistic::combined(Statistic::combined(quad[0], quad[2]), Statistic::combined(quad[1], quad[3]));
}

/// Reduces the terms of a row to one number. Four packs take turns, so that additions need not wait for one another;
/// the order depends on the number of columns alone.
template <typename Statistic, typename Term>
DITTO_DEVICE float reduce_row(std::int64_t row, std::int64_t columns, const Term& term) {
  constexpr int kTurns = 4;
  Pack sums[kTurns] = {};
  std::int64_t column = 0;
  for (; column + kTurns * kLanes <= columns; column += kTurns * kLanes) {
    for (int turn = 0; turn < kTurns; ++turn) {
      const std::int64_t at = column + turn * kLanes;
      sums[turn] = Statistic::combined(sums[turn], term(Place<WholePack>{row, at, at, {}}));
    }
  }
  for_packs(row, column, columns, 0, [&](const auto& place) DITTO_INLINE_LAMBDA {
    sums[0] = Statistic::combined(sums[0], place.extent.kept(term(place)));
  });
  return reduce_lanes<Statistic>(
      Statistic::combined(Statistic::combined(sums[0], sums[1]), Statistic::combined(sums[2], sums[3])));
}

/// Rows of 16-bit numbers up to this long are kept as fp32 between the passes.
inline constexpr std::int64_t kKeptColumns = 6144;

template <typename Source>
inline constexpr bool kConverts = true;
template <>
inline constexpr bool kConverts<Load<Rows<const float>>> = false;

/// A source whose elements are also written to a row of fp32.
template <typename Source>
struct Keep {
  const Source& source;
  float* row;
  template <typename P>
  DITTO_DEVICE Pack operator()(const P& place, const Pack& value) const {
    const Pack pack = source(place, value);
    place.extent.store(row + place.column, pack);
    return pack;
  }
};

/// Runs the passes of a statistic over a row, one after the other: the first reads from `source`, the others from
/// `again`.
template <int kPass, typename Source, typename Again, typename Statistic>
DITTO_DEVICE void measure_row(std::int64_t row, std::int64_t columns, const Source& source, const Again& again,
                              const Statistic& statistic, typename Statistic::Value& value) {
  if constexpr (kPass < Statistic::kPasses) {
    const auto term = [&](const auto& place)
                          DITTO_INLINE_LAMBDA { return Statistic::template term<kPass>(value, source(place, Pack{})); };
    statistic.template finish<kPass>(value, reduce_row<Statistic>(row, columns, term), static_cast<float>(columns));
    measure_row<kPass + 1>(row, columns, again, again, statistic, value);
  }
}

/// The row pattern: a statistic of every row, then each element through the statistic's normalisation and the stages.
/// Rows are re-read from the cache between the passes, and the next one is fetched meanwhile. Columns come in segments
/// of `segment`.
template <typename Source, typename Statistic, typename... Stages>
DITTO_DEVICE void map_rows(std::int64_t first, std::int64_t last, std::int64_t columns, std::int64_t segment,
                           const Source source, const Statistic statistic, const Stages... stages) {
  const auto map_row = [&](std::int64_t row, const auto& once, const auto& again) DITTO_INLINE_LAMBDA {
    typename Statistic::Value value{};
    measure_row<0>(row, columns, once, again, statistic, value);
    statistic.publish(row, value);
    const std::int64_t next = row + 1 < last ? row + 1 : row;
    for (std::int64_t begin = 0; begin < columns; begin += segment) {
      for_packs(row, begin, begin + segment, begin, [&](const auto& place) DITTO_INLINE_LAMBDA {
        source.fetch(next, place.column);
        run_stages(place, Statistic::normalised(value, again(place, Pack{})), stages...);
      });
    }
  };
  if constexpr (kConverts<Source>) {
    if (columns <= kKeptColumns) {
      float kept[kKeptColumns];
      for (std::int64_t row = first; row < last; ++row) {
        map_row(row, Keep<Source>{source, kept}, Load<Rows<const float>>{{kept, 0}});
      }
      return;
    }
  }
  for (std::int64_t row = first; row < last; ++row) map_row(row, source, source);
}

DITTO_END_TARGET
