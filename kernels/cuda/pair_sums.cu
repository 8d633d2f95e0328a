#include "kernels/cuda/block_reduce.h"
#include "kernels/cuda/launchers.h"
#include "kernels/fused/lists.h"
#include "kernels/fused/reduce.h"

DITTO_BEGIN_TARGET
namespace {

constexpr int kThreads = 256;

/// All pairs as one list of partial sums (horizontal fusion): pair p has those from first_partial[p] on.
template <typename T>
struct Pairs {
  const T* a[PairSumsArguments::kMaxPairs];
  const T* b[PairSumsArguments::kMaxPairs];
  std::int64_t counts[PairSumsArguments::kMaxPairs];
  std::uint32_t first_partial[PairSumsArguments::kMaxPairs + 1];
};

/// A block makes one partial sum of every term.
template <typename Whole, typename T, typename... Terms>
DITTO_KERNEL void partials_kernel(const Pairs<T> pairs, double* partials) {
  constexpr unsigned kTerms = sizeof...(Terms);
  const unsigned partial = device::block_index(), thread = device::thread_index();
  int pair = 0;
  while (partial >= pairs.first_partial[pair + 1]) ++pair;
  const T* const a = pairs.a[pair];
  const T* const b = pairs.b[pair];
  const std::int64_t begin = static_cast<std::int64_t>(partial - pairs.first_partial[pair]) * kPairPartial;
  const std::int64_t count = pairs.counts[pair];

  Pack sums[kTerms] = {};
  const auto add = [&](std::int64_t at, const auto& extent) {
    const Pack left = extent.load(a + at), right = extent.load(b + at);
    unsigned k = 0;
    ((sums[k] = sums[k] + Terms::of(left, right), ++k), ...);
  };
  constexpr int kTurns = static_cast<int>(kPairPartial) / (kThreads * kLanes);
  for (int turn = 0; turn < kTurns; ++turn) {
    const std::int64_t at = begin + (turn * kThreads + static_cast<int>(thread)) * kLanes;
    if (at + kLanes <= count) {
      add(at, Whole{});
    } else if (at < count) {
      add(at, PartPack{static_cast<int>(count - at)});
    }
  }

  DITTO_SHARED device::SharedArray<float, kTerms * kWarp> of_warp;
  for (unsigned k = 0; k < kTerms; ++k) {
    const float sum = reduce_warp<Summed>(reduce_lanes<Summed>(sums[k]));
    if (thread % kWarp == 0) of_warp.write(k * kWarp + thread / kWarp, sum);
  }
  device::barrier();
  if (thread >= kTerms) return;
  double total = 0;
  for (unsigned warp = 0; warp < kThreads / kWarp; ++warp) {
    total += static_cast<double>(of_warp.read(thread * kWarp + warp));
  }
  partials[static_cast<std::int64_t>(partial) * kTerms + thread] = total;
}

/// A block adds the partial sums of one term of one pair: each thread every kThreads-th, then halves upon halves.
template <typename T, int kTerms>
DITTO_KERNEL void totals_kernel(const Pairs<T> pairs, const double* partials, double* totals) {
  const unsigned pair = device::block_index() / kTerms, term = device::block_index() % kTerms;
  const unsigned thread = device::thread_index(), last = pairs.first_partial[pair + 1];
  double total = 0;
  for (unsigned partial = pairs.first_partial[pair] + thread; partial < last; partial += kThreads) {
    total += partials[static_cast<std::int64_t>(partial) * kTerms + term];
  }
  DITTO_SHARED device::SharedArray<double, kThreads> sums;
  sums.write(thread, total);
  for (unsigned half = kThreads / 2; half > 0; half /= 2) {
    device::barrier();
    if (thread < half) {
      total += sums.read(thread + half);
      sums.write(thread, total);
    }
  }
  if (thread == 0) totals[device::block_index()] = total;
}

template <typename T, typename... Terms>
int sums_of(const PairSumsArguments& arguments, CUstream_st* stream) {
  constexpr int kTerms = sizeof...(Terms);
  Pairs<T> pairs{};
  bool aligned = true;
  for (int pair = 0; pair < arguments.pairs; ++pair) {
    pairs.a[pair] = static_cast<const T*>(arguments.a[pair]);
    pairs.b[pair] = static_cast<const T*>(arguments.b[pair]);
    pairs.counts[pair] = arguments.counts[pair];
    const auto partials = static_cast<std::uint32_t>(divided_up(arguments.counts[pair], kPairPartial));
    pairs.first_partial[pair + 1] = pairs.first_partial[pair] + partials;
    aligned = aligned && is_aligned(arguments.a[pair]) && is_aligned(arguments.b[pair]);
  }
  if (const std::int64_t partials = pairs.first_partial[arguments.pairs]; partials > 0) {
    const int error = with_extent(aligned, [&]<typename Whole>(Whole) {
      return device::launch(partials_kernel<Whole, T, Terms...>, partials, kThreads, 0, stream, pairs,
                            arguments.partials);
    });
    if (error != 0) return error;
  }
  return device::launch(totals_kernel<T, kTerms>, std::int64_t{arguments.pairs} * kTerms, kThreads, 0, stream, pairs,
                        arguments.partials, arguments.totals);
}

template <typename... Terms>
int sums(const PairSumsArguments& arguments, CUstream_st* stream) {
  int error = 0;
  with_type(arguments.type, [&]<typename T>(T) { error = sums_of<T, Terms...>(arguments, stream); });
  return error;
}

}  // namespace

int l1_sums(const PairSumsArguments& arguments, CUstream_st* stream) {
  return sums<AbsoluteDifference, AbsoluteSecond>(arguments, stream);
}

int product_sums(const PairSumsArguments& arguments, CUstream_st* stream) {
  return sums<Product, SquaredFirst, SquaredSecond>(arguments, stream);
}

int squared_sums(const PairSumsArguments& arguments, CUstream_st* stream) {
  return sums<SquaredDifference>(arguments, stream);
}

DITTO_END_TARGET
