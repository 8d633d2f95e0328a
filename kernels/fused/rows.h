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

template <int kCount>
struct Count {};

/// So many rows of up to kShort columns are worked on in turn: while one waits for the end of its sum, another's is
/// computed.
inline constexpr int kRowsTogether = 4;
inline constexpr std::int64_t kShort = 512;
/// 16-bit numbers of up to so many columns are kept as fp32 between the passes.
inline constexpr std::int64_t kKept = 6144;

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

/// Runs the passes of a statistic over rows from `first` on: the first pass reads row `first + i` from `once(i)`, the
/// others from `again(i)`.
template <int kPass, int kRows, typename Once, typename Again, typename Statistic>
DITTO_DEVICE void measure_rows(std::int64_t first, std::int64_t columns, const Once& once, const Again& again,
                               const Statistic& statistic, typename Statistic::Value (&values)[kRows]) {
  if constexpr (kPass < Statistic::kPasses) {
    float totals[kRows];
    for (int i = 0; i < kRows; ++i) {
      const auto source = once(i);
      totals[i] = reduce_row<Statistic>(first + i, columns, [&](const auto& place) DITTO_INLINE_LAMBDA {
        return Statistic::template term<kPass>(values[i], source(place, Pack{}));
      });
    }
    for (int i = 0; i < kRows; ++i) statistic.template finish<kPass>(values[i], totals[i], static_cast<float>(columns));
    measure_rows<kPass + 1>(first, columns, again, again, statistic, values);
  }
}

/// The row pattern: a statistic of every row, then each element through the statistic's normalisation and the stages.
/// Rows are re-read from the cache between the passes, and later ones are fetched meanwhile. Columns come in segments
/// of `segment`.
template <typename Source, typename Statistic, typename... Stages>
DITTO_DEVICE void map_rows(std::int64_t first, std::int64_t last, std::int64_t columns, std::int64_t segment,
                           const Source source, const Statistic statistic, const Stages... stages) {
  const auto map_some = [&]<int kRows>(Count<kRows>, std::int64_t begin, const auto& once,
                                       const auto& again) DITTO_INLINE_LAMBDA {
    typename Statistic::Value values[kRows] = {};
    measure_rows<0>(begin, columns, once, again, statistic, values);
    for (int i = 0; i < kRows; ++i) {
      const std::int64_t row = begin + i, later = row + kRows < last ? row + kRows : row;
      const auto near = again(i);
      statistic.publish(row, values[i]);
      for (std::int64_t column = 0; column < columns; column += segment) {
        for_packs(row, column, column + segment, column, [&](const auto& place) DITTO_INLINE_LAMBDA {
          source.fetch(later, place.column);
          run_stages(place, Statistic::normalised(values[i], near(place, Pack{})), stages...);
        });
      }
    }
  };
  const auto map_all = [&](const auto& once, const auto& again) DITTO_INLINE_LAMBDA {
    std::int64_t row = first;
    if (columns <= kShort) {
      for (; row + kRowsTogether <= last; row += kRowsTogether) map_some(Count<kRowsTogether>{}, row, once, again);
    }
    for (; row < last; ++row) map_some(Count<1>{}, row, once, again);
  };
  if constexpr (kConverts<Source>) {
    if (columns <= kKept) {
      static_assert(kRowsTogether * kShort <= kKept);
      float kept[kKept];
      map_all(
          [&](int i) DITTO_INLINE_LAMBDA {
            return Keep<Source>{source, kept + i * columns};
          },
          [&](int i) DITTO_INLINE_LAMBDA {
            return Load<Rows<const float>>{{kept + i * columns, 0}};
          });
      return;
    }
  }
  const auto from_memory = [&](int) DITTO_INLINE_LAMBDA { return source; };
  map_all(from_memory, from_memory);
}

DITTO_END_TARGET
