#include "kernels/change_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <c10/util/Exception.h>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/host/gpu.h"
#include "kernels/host/matrices.h"
#include "kernels/host/parallel.h"
#include "kernels/reference/reference.h"

namespace ditto::kernels {
namespace {

/// Elements of one partial: what rounding in fp32 may gather, and the unit of work of a thread.
constexpr std::int64_t kPartial = 8192;
constexpr int kMaxTotals = 3;
using Totals = std::array<double, kMaxTotals>;

/// How many sums of a pair a kernel makes, and its forms.
struct SumsKernel {
  const char* name;
  int sums;
  void (*CpuKernels::*cpu)(const PairArguments&, std::int64_t first, std::int64_t last, double* totals);
  int (*CudaKernels::*gpu)(const PairSumsArguments&, CUstream_st* stream);
};
constexpr SumsKernel kL1Sums{"l1 sums", 2, &CpuKernels::l1_sums, &CudaKernels::l1_sums};
constexpr SumsKernel kProductSums{"product sums", 3, &CpuKernels::product_sums, &CudaKernels::product_sums};
constexpr SumsKernel kSquaredSums{"squared sums", 1, &CpuKernels::squared_sums, &CudaKernels::squared_sums};

void check(const at::Tensor& now, const at::Tensor& before) {
  TORCH_CHECK(now.sizes() == before.sizes() && now.device() == before.device(), "change: now ", now.sizes(), " on ",
              now.device(), ", before ", before.sizes(), " on ", before.device());
}

bool has_kernels(const at::Tensor& now, KernelMode mode) {
  return mode == KernelMode::kAuto && (now.is_cpu() || gpu_kernels(now.device()) != nullptr);
}

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
std::vector<Totals> cpu_totals(std::span<const Arrays> pairs, const SumsKernel& kernel) {
  const auto sums = cpu_kernels().*kernel.cpu;
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

/// The same as fp64 [pairs, sums] on the GPU. Neighbours of one type are one piece of work.
at::Tensor gpu_totals(const CudaKernels& gpu, std::span<const Arrays> pairs, const SumsKernel& kernel) {
  const c10::Device device = pairs.front().now.device();
  const auto numbers = at::TensorOptions(device).dtype(at::kDouble);
  const at::Tensor totals = at::empty({static_cast<std::int64_t>(pairs.size()), kernel.sums}, numbers);
  for (std::size_t first = 0, next = 0; first < pairs.size(); first = next) {
    PairSumsArguments arguments{};
    arguments.type = pairs[first].arguments.type;
    for (; next < pairs.size() && arguments.pairs < PairSumsArguments::kMaxPairs; ++next, ++arguments.pairs) {
      const Arrays& pair = pairs[next];
      if (pair.arguments.type != arguments.type) break;
      arguments.a[arguments.pairs] = pair.arguments.a;
      arguments.b[arguments.pairs] = pair.arguments.b;
      arguments.counts[arguments.pairs] = pair.count;
    }
    const at::Tensor partials = at::empty({pair_partials(arguments) * kernel.sums}, numbers);
    arguments.partials = partials.mutable_data_ptr<double>();
    arguments.totals = totals.mutable_data_ptr<double>() + static_cast<std::int64_t>(first) * kernel.sums;
    start_on_gpu(device, kernel.name, [&](CUstream_st* stream) { return (gpu.*kernel.gpu)(arguments, stream); });
  }
  return totals;
}

/// Waits for a GPU: its totals are read.
Totals totals_of(const at::Tensor& now, const at::Tensor& before, const SumsKernel& kernel) {
  const Arrays arrays({now, before});
  const CudaKernels* const gpu = gpu_kernels(now.device());
  if (gpu == nullptr) return cpu_totals({&arrays, 1}, kernel).front();
  const at::Tensor sums = gpu_totals(*gpu, {&arrays, 1}, kernel).cpu();
  Totals totals{};
  std::copy_n(sums.const_data_ptr<double>(), kernel.sums, totals.begin());
  return totals;
}

}  // namespace

at::Tensor l1_sums(std::span<const TensorPair> pairs, KernelMode mode) {
  TORCH_CHECK(!pairs.empty(), "change: no pairs");
  for (const TensorPair& pair : pairs) check(pair.now, pair.before);
  const c10::Device device = pairs.front().now.device();
  for (const TensorPair& pair : pairs) TORCH_CHECK(pair.now.device() == device, "change: pairs on several devices");
  if (!has_kernels(pairs.front().now, mode)) {
    std::vector<at::Tensor> sums;
    for (const TensorPair& pair : pairs) sums.push_back(reference::l1_sums(pair.now, pair.before));
    return at::stack(sums);
  }
  const std::vector<Arrays> arrays(pairs.begin(), pairs.end());
  if (const CudaKernels* const gpu = gpu_kernels(device)) return gpu_totals(*gpu, arrays, kL1Sums);
  const at::Tensor sums = at::empty({static_cast<std::int64_t>(pairs.size()), 2}, at::kDouble);
  double* next = sums.mutable_data_ptr<double>();
  for (const Totals& totals : cpu_totals(arrays, kL1Sums)) {
    *next++ = totals[0];
    *next++ = totals[1];
  }
  return sums;
}

L1Change l1_change(const at::Tensor& now, const at::Tensor& before, KernelMode mode) {
  check(now, before);
  if (has_kernels(now, mode)) {
    const Totals totals = totals_of(now, before, kL1Sums);
    return {totals[0], totals[1]};
  }
  const at::Tensor sums = reference::l1_sums(now, before).cpu();
  return {sums[0].item<double>(), sums[1].item<double>()};
}

double cosine_similarity(const at::Tensor& now, const at::Tensor& before, KernelMode mode) {
  check(now, before);
  if (!has_kernels(now, mode)) return reference::cosine_similarity(now, before);
  const Totals totals = totals_of(now, before, kProductSums);
  return totals[0] / std::sqrt(totals[1] * totals[2]);
}

double mean_squared_error(const at::Tensor& now, const at::Tensor& before, KernelMode mode) {
  check(now, before);
  if (!has_kernels(now, mode)) return reference::mean_squared_error(now, before);
  return totals_of(now, before, kSquaredSums)[0] / static_cast<double>(now.numel());
}

}  // namespace ditto::kernels
