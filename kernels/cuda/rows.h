#pragma once

#include "kernels/cuda/block_reduce.h"
#include "kernels/cuda/place.h"
#include "kernels/fused/map.h"

DITTO_BEGIN_TARGET

inline constexpr int kMostRowThreads = 1024;

/// The columns of a row in packs that do not cross the ends of segments.
struct RowShape {
  std::int64_t columns, segment;
  unsigned packs_of_segment, packs;
};

/// Calls body(place) with the place of a pack of the row.
template <typename Whole, typename Body>
DITTO_DEVICE void at_pack(const RowShape& shape, std::int64_t row, unsigned pack, const Body& body) {
  const std::int64_t begin = pack / shape.packs_of_segment * shape.segment;
  const std::int64_t inside = static_cast<std::int64_t>(pack % shape.packs_of_segment) * kLanes;
  if (inside + kLanes <= shape.segment) {
    body(Place<Whole>{row, begin + inside, inside, {}});
  } else {
    body(Place<PartPack>{row, begin + inside, inside, {static_cast<int>(shape.segment - inside)}});
  }
}

/// Runs the passes of a statistic over a row, one after the other. `held` is the thread's first pack; the others of a
/// long row are read again.
template <typename Whole, int kPass, typename Source, typename Statistic>
DITTO_DEVICE void measure_row(const RowShape& shape, std::int64_t row, const Source& source, const Pack& held,
                              const Statistic& statistic, typename Statistic::Value& value) {
  if constexpr (kPass < Statistic::kPasses) {
    Pack terms{};
    unsigned pack = device::thread_index();
    if (pack < shape.packs) {
      at_pack<Whole>(shape, row, pack, [&](const auto& place) {
        terms = place.extent.kept(Statistic::template term<kPass>(value, held));
      });
    }
    for (pack += device::block_size(); pack < shape.packs; pack += device::block_size()) {
      at_pack<Whole>(shape, row, pack, [&](const auto& place) {
        const Pack term = Statistic::template term<kPass>(value, source(place, Pack{}));
        terms = Statistic::combined(terms, place.extent.kept(term));
      });
    }
    const float total = reduce_block<Statistic, kPass>(reduce_lanes<Statistic>(terms));
    statistic.template finish<kPass>(value, total, static_cast<float>(shape.columns));
    measure_row<Whole, kPass + 1>(shape, row, source, held, statistic, value);
  }
}

/// The row pattern: a block takes a row.
template <typename Whole, typename Source, typename Statistic, typename... Stages>
DITTO_KERNEL void DITTO_MAX_BLOCK(kMostRowThreads)
    rows_kernel(RowShape shape, std::int64_t first, Source source, Statistic statistic, Stages... stages) {
  const std::int64_t row = first + device::block_index();
  unsigned pack = device::thread_index();
  Pack held{};
  if (pack < shape.packs) {
    at_pack<Whole>(shape, row, pack, [&](const auto& place) { held = source(place, Pack{}); });
  }
  typename Statistic::Value value{};
  measure_row<Whole, 0>(shape, row, source, held, statistic, value);
  if (pack == 0) statistic.publish(row, value);
  if (pack < shape.packs) {
    at_pack<Whole>(shape, row, pack,
                   [&](const auto& place) { run_stages(place, Statistic::normalised(value, held), stages...); });
  }
  for (pack += device::block_size(); pack < shape.packs; pack += device::block_size()) {
    at_pack<Whole>(shape, row, pack, [&](const auto& place) {
      run_stages(place, Statistic::normalised(value, source(place, Pack{})), stages...);
    });
  }
}

template <typename Source, typename Statistic, typename... Stages>
int launch_rows(bool aligned, std::int64_t first, std::int64_t last, std::int64_t columns, std::int64_t segment,
                device::Stream stream, const Source& source, const Statistic& statistic, const Stages&... stages) {
  if (first == last || columns == 0) return 0;
  const std::int64_t packs_of_segment = divided_up(segment, kLanes), packs = columns / segment * packs_of_segment;
  const RowShape shape{columns, segment, static_cast<unsigned>(packs_of_segment), static_cast<unsigned>(packs)};
  const std::int64_t wanted = divided_up(packs, kWarp) * kWarp;
  const int threads = wanted < kMostRowThreads ? static_cast<int>(wanted) : kMostRowThreads;
  return with_extent(aligned && (segment == columns || segment % kLanes == 0), [&]<typename Whole>(Whole) {
    return device::launch(rows_kernel<Whole, Source, Statistic, Stages...>, last - first, threads, 0, stream, shape,
                          first, source, statistic, stages...);
  });
}

DITTO_END_TARGET
