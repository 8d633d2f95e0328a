// The GPU's change metrics against sums in fp64.

#include <limits>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "cuda_host/cuda_support.h"

namespace ditto::test {
namespace {

using Sums = int (*)(const kernels::PairSumsArguments&, CUstream_st*);

struct Pair {
  Guarded now, before;
};

/// fp64 [pairs, terms].
at::Tensor sums_of(Sums sums, int terms, const std::vector<Pair>& pairs) {
  kernels::PairSumsArguments arguments{};
  arguments.type = type_of(pairs.front().now.view());
  arguments.pairs = static_cast<int>(pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    arguments.a[i] = pairs[i].now.view().const_data_ptr();
    arguments.b[i] = pairs[i].before.view().const_data_ptr();
    arguments.counts[i] = pairs[i].now.view().numel();
  }
  constexpr double kUnwritten = 777;
  const Guarded partials(at::full({kernels::pair_partials(arguments) * terms + 1}, kUnwritten, at::kDouble),
                         Layout::kPlain);
  const Guarded totals(at::full({arguments.pairs, terms}, kUnwritten, at::kDouble), Layout::kPlain);
  arguments.partials = partials.view().mutable_data_ptr<double>();
  arguments.totals = totals.view().mutable_data_ptr<double>();
  EXPECT_EQ(sums(arguments, nullptr), 0);
  EXPECT_TRUE(totals.guards_intact() && partials.guards_intact());
  return totals.view().clone();
}

std::vector<Pair> pairs_of(std::initializer_list<std::int64_t> counts, at::ScalarType dtype, Layout layout) {
  std::vector<Pair> pairs;
  std::uint64_t seed = 0;
  for (const std::int64_t count : counts) {
    const at::Tensor now = normal({count}, seed++, dtype), before = normal({count}, seed++, dtype);
    pairs.push_back({Guarded(now, layout), Guarded(before, layout)});
  }
  return pairs;
}

at::Tensor expected(const std::vector<Pair>& pairs, const auto& terms) {
  std::vector<at::Tensor> rows;
  for (const Pair& pair : pairs) {
    rows.push_back(at::stack(terms(pair.now.view().to(at::kDouble), pair.before.view().to(at::kDouble))));
  }
  return at::stack(rows);
}

using Terms = std::vector<at::Tensor>;

TEST(CudaPairSums, EqualTheirMeaning) {
  const kernels::CudaKernels& cuda = cuda_on_host();
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : {Layout::kPlain, Layout::kMisaligned}) {
      SCOPED_TRACE(described(dtype, layout));
      const std::vector<Pair> pairs = pairs_of({1, 7, 8, 1000, 8192, 8193, 20001}, dtype, layout);
      const auto check = [&](Sums sums, int terms, const auto& meaning) {
        const at::Tensor result = same_in_every_order([&] { return sums_of(sums, terms, pairs); });
        const at::Tensor exact = expected(pairs, meaning);
        for (std::int64_t pair = 0; pair < exact.size(0); ++pair) {
          EXPECT_LE(relative_error(result[pair], exact[pair]), tolerance::kUnitFloat32) << pair;
        }
      };
      check(cuda.l1_sums, 2, [](const at::Tensor& a, const at::Tensor& b) {
        return Terms{(a - b).abs().sum(), b.abs().sum()};
      });
      check(cuda.product_sums, 3, [](const at::Tensor& a, const at::Tensor& b) {
        return Terms{(a * b).sum(), (a * a).sum(), (b * b).sum()};
      });
      check(cuda.squared_sums, 1,
            [](const at::Tensor& a, const at::Tensor& b) { return Terms{((a - b) * (a - b)).sum()}; });
      for (const Pair& pair : pairs) EXPECT_TRUE(pair.now.untouched() && pair.before.untouched());
    }
  }
}

TEST(CudaPairSums, NanStaysInItsPairAndNothingSumsToZero) {
  std::vector<Pair> pairs = pairs_of({300, 9000}, at::kFloat, Layout::kPlain);
  pairs.push_back({Guarded(at::zeros({1}), Layout::kPlain), Guarded(at::zeros({1}), Layout::kPlain)});
  pairs[1].now.view()[8999] = std::numeric_limits<double>::quiet_NaN();
  const at::Tensor sums = sums_of(cuda_on_host().squared_sums, 1, pairs);
  EXPECT_FALSE(at::isnan(sums[0]).item<bool>());
  EXPECT_TRUE(at::isnan(sums[1]).item<bool>());
  EXPECT_EQ(sums[2].item<double>(), 0);
}

TEST(CudaPairSums, NeedEveryBarrier) {
  const std::vector<Pair> pairs = pairs_of({9000}, at::kFloat, Layout::kPlain);
  // One of the partial sums, or eight of the totals; the first kernel is at fault before the second one runs.
  constexpr int kHalves = 8;
  expect_every_barrier_needed(kHalves, [&] { sums_of(cuda_on_host().product_sums, 3, pairs); });
}

}  // namespace
}  // namespace ditto::test
