#include "kernels/change_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <c10/util/Exception.h>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/host/matrices.h"
#include "kernels/host/parallel.h"
#include "kernels/reference/reference.h"

namespace ditto::kernels {
namespace {

using Sums = void (*)(const PairArguments&, std::int64_t first, std::int64_t last, double* totals);

/// Elements of one partial: what rounding in fp32 may gather, and the unit of work of a thread.
constexpr std::int64_t kPartial = 8192;
constexpr int kMaxTotals = 3;
using Totals = std::array<double, kMaxTotals>;

void check(const at::Tensor& now, const at::Tensor& before) {
  TORCH_CHECK(now.sizes() == before.sizes() && now.device() == before.device(), "change: now ", now.sizes(), " on ",
              now.device(), ", before ", before.sizes(), " on ", before.device());
}

bool on_cpu(const at::Tensor& now, KernelMode mode) { return mode == KernelMode::kAuto && now.is_cpu(); }

/// A pair as two arrays of one type in the same order; holds the copies that may take.
struct Arrays {
  at::Tensor now, before;
  PairArguments arguments;
  std::int64_t count;

  explicit Arrays(const TensorPair& pair) : now(pair.now), before(pair.before) {
    if (now.scalar_type() != before.scalar_type() || !element_type(now)) {
      now = now.to(at::kFloat);
      before = before.to(at::kFloat);
    }
    if (now.strides() != before.strides() || !now.is_non_overlapping_and_dense()) {
      now = now.contiguous();
      before = before.contiguous();
    }
    arguments = {*element_type(now), now.const_data_ptr(), before.const_data_ptr()};
    count = now.numel();
  }
};

/// The totals of each pair. All partials of all pairs are one list of work.
std::vector<Totals> totals_of(std::span<const Arrays> pairs, Sums sums) {
  std::vector<std::int64_t> first_partial = {0};
  for (const Arrays& pair : pairs)
    first_partial.push_back(first_partial.back() + (pair.count + kPartial - 1) / kPartial);
  std::vector<Totals> partials(static_cast<std::size_t>(first_partial.back()), Totals{});
  parallel_ranges(first_partial.back(), kElementsPerThread / kPartial, [&](std::int64_t first, std::int64_t last) {
    auto pair = static_cast<std::size_t>(std::ranges::upper_bound(first_partial, first) - first_partial.begin()) - 1;
    for (std::int64_t partial = first; partial < last; ++partial) {
      while (partial >= first_partial[pair + 1]) ++pair;
      const std::int64_t begin = (partial - first_partial[pair]) * kPartial;
      sums(pairs[pair].arguments, begin, std::min(begin + kPartial, pairs[pair].count),
           partials[static_cast<std::size_t>(partial)].data());
    }
  });
  std::vector<Totals> totals(pairs.size(), Totals{});
  for (std::size_t pair = 0; pair < pairs.size(); ++pair) {
    for (std::int64_t partial = first_partial[pair]; partial < first_partial[pair + 1]; ++partial) {
      for (int k = 0; k < kMaxTotals; ++k) totals[pair][k] += partials[static_cast<std::size_t>(partial)][k];
    }
  }
  return totals;
}

Totals totals_of(const at::Tensor& now, const at::Tensor& before, Sums sums) {
  const Arrays arrays({now, before});
  return totals_of({&arrays, 1}, sums).front();
}

}  // namespace

at::Tensor l1_sums(std::span<const TensorPair> pairs, KernelMode mode) {
  TORCH_CHECK(!pairs.empty(), "change: no pairs");
  for (const TensorPair& pair : pairs) check(pair.now, pair.before);
  if (!std::ranges::all_of(pairs, [&](const TensorPair& pair) { return on_cpu(pair.now, mode); })) {
    std::vector<at::Tensor> sums;
    for (const TensorPair& pair : pairs) sums.push_back(reference::l1_sums(pair.now, pair.before));
    return at::stack(sums);
  }
  const std::vector<Arrays> arrays(pairs.begin(), pairs.end());
  const at::Tensor sums = at::empty({static_cast<std::int64_t>(pairs.size()), 2}, at::kDouble);
  double* next = sums.mutable_data_ptr<double>();
  for (const Totals& totals : totals_of(arrays, cpu_kernels().l1_sums)) {
    *next++ = totals[0];
    *next++ = totals[1];
  }
  return sums;
}

L1Change l1_change(const at::Tensor& now, const at::Tensor& before, KernelMode mode) {
  check(now, before);
  if (on_cpu(now, mode)) {
    const Totals totals = totals_of(now, before, cpu_kernels().l1_sums);
    return {totals[0], totals[1]};
  }
  const at::Tensor sums = reference::l1_sums(now, before).cpu();
  return {sums[0].item<double>(), sums[1].item<double>()};
}

double cosine_similarity(const at::Tensor& now, const at::Tensor& before, KernelMode mode) {
  check(now, before);
  if (!on_cpu(now, mode)) return reference::cosine_similarity(now, before);
  const Totals totals = totals_of(now, before, cpu_kernels().product_sums);
  return totals[0] / std::sqrt(totals[1] * totals[2]);
}

double mean_squared_error(const at::Tensor& now, const at::Tensor& before, KernelMode mode) {
  check(now, before);
  if (!on_cpu(now, mode)) return reference::mean_squared_error(now, before);
  return totals_of(now, before, cpu_kernels().squared_sums)[0] / static_cast<double>(now.numel());
}

}  // namespace ditto::kernels
