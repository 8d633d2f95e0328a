// One-pass sums over two tensors against the same sums in fp64.

#include "kernels/change_metrics.h"

#include <cmath>
#include <limits>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "cpu_targets.h"
#include "kernel_support.h"

namespace ditto::test {
namespace {

constexpr KernelMode kModes[] = {KernelMode::kAuto, KernelMode::kReference};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
/// One element, tails, and sizes on both sides of a partial sum's length.
const std::vector<std::vector<std::int64_t>> kSizes = {{1},       {1, 3, 5}, {16, 4},     {8191},
                                                       {2, 4096}, {3, 2731}, {5, 97, 101}};

double total_of(const at::Tensor& tensor) { return tensor.sum().item<double>(); }

/// Calls check(now, before) for every dtype, layout and size.
void for_every_pair(const auto& check) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const std::vector<std::int64_t>& sizes : kSizes) {
        SCOPED_TRACE(described(dtype, layout, sizes.back()));
        const Guarded now(normal(sizes, 1, dtype), layout), before(normal(sizes, 2, dtype), layout);
        check(now.view(), before.view());
        EXPECT_TRUE(now.untouched() && before.untouched());
      }
    }
  }
}

void expect_close(double actual, double expected) {
  EXPECT_NEAR(actual, expected, tolerance::kClosedForm * std::abs(expected));
}

TEST(L1Change, HasThePublishedValue) {
  on_every_target([] {
    const kernels::L1Change sums = kernels::l1_change(at::tensor({1.0F, 2.0F, 3.0F}), at::tensor({1.0F, 1.0F, 5.0F}));
    EXPECT_EQ(sums.difference, 3);
    EXPECT_EQ(sums.before, 7);
  });
}

TEST(L1Change, EqualsItsMeaning) {
  on_every_target([] {
    for_every_pair([](const at::Tensor& now, const at::Tensor& before) {
      const at::Tensor a = now.to(at::kDouble), b = before.to(at::kDouble);
      for (const KernelMode mode : kModes) {
        const kernels::L1Change sums = kernels::l1_change(now, before, mode);
        expect_close(sums.difference, total_of((a - b).abs()));
        expect_close(sums.before, total_of(b.abs()));
      }
    });
  });
}

TEST(L1Change, ManyPairsAreMeasuredAsEachAlone) {
  std::vector<kernels::TensorPair> pairs;
  for (const std::vector<std::int64_t>& sizes : kSizes) pairs.push_back({normal(sizes, 1), normal(sizes, 2)});
  pairs.push_back({normal({70, 1000}, 3, at::kBFloat16), normal({70, 1000}, 4, at::kBFloat16)});
  pairs.push_back({at::zeros({0}), at::zeros({0})});
  const at::Tensor sums = kernels::l1_sums(pairs);
  ASSERT_EQ(sums.scalar_type(), at::kDouble);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const kernels::L1Change alone = kernels::l1_change(pairs[i].now, pairs[i].before);
    EXPECT_EQ(sums[static_cast<std::int64_t>(i)][0].item<double>(), alone.difference);
    EXPECT_EQ(sums[static_cast<std::int64_t>(i)][1].item<double>(), alone.before);
  }
}

TEST(L1Change, TakesTensorsOfTwoTypesAndOrders) {
  const at::Tensor now = normal({6, 50}, 1), before = normal({6, 50}, 2, at::kBFloat16);
  const double expected = total_of((now.to(at::kDouble) - before.to(at::kDouble)).abs());
  expect_close(kernels::l1_change(now, before).difference, expected);
  const at::Tensor turned = normal({50, 6}, 3).t();
  expect_close(kernels::l1_change(now, turned).difference,
               total_of((now.to(at::kDouble) - turned.to(at::kDouble)).abs()));
  expect_close(kernels::l1_change(turned, turned + 1).difference, 300);
}

TEST(ChangeMetrics, CosineAndSquaredErrorEqualTheirMeaning) {
  on_every_target([] {
    const at::Tensor a = at::tensor({1.0F, 2.0F, 3.0F}), b = at::tensor({1.0F, 1.0F, 5.0F});
    EXPECT_NEAR(kernels::cosine_similarity(a, b), 0.925820, tolerance::kClosedForm);
    EXPECT_NEAR(kernels::mean_squared_error(a, b), 5.0 / 3, tolerance::kClosedForm);
    for_every_pair([](const at::Tensor& now, const at::Tensor& before) {
      const at::Tensor left = now.to(at::kDouble), right = before.to(at::kDouble);
      for (const KernelMode mode : kModes) {
        EXPECT_NEAR(kernels::cosine_similarity(now, before, mode), cosine(left, right), tolerance::kClosedForm);
        expect_close(kernels::mean_squared_error(now, before, mode), (left - right).square().mean().item<double>());
      }
    });
  });
}

TEST(ChangeMetrics, NanIsTold) {
  on_every_target([] {
    for (const at::ScalarType dtype : kDtypes) {
      const at::Tensor broken = normal({9, 1000}, 1, dtype), whole = normal({9, 1000}, 2, dtype);
      broken[8][999] = kNan;
      for (const KernelMode mode : kModes) {
        EXPECT_TRUE(std::isnan(kernels::l1_change(broken, whole, mode).difference));
        EXPECT_FALSE(std::isnan(kernels::l1_change(broken, whole, mode).before));
        EXPECT_TRUE(std::isnan(kernels::l1_change(whole, broken, mode).before));
        EXPECT_TRUE(std::isnan(kernels::cosine_similarity(whole, broken, mode)));
        EXPECT_TRUE(std::isnan(kernels::mean_squared_error(broken, whole, mode)));
      }
    }
  });
}

TEST(ChangeMetrics, RefuseOtherSizes) {
  EXPECT_THROW(kernels::l1_change(normal({2, 3}, 1), normal({3, 2}, 2)), c10::Error);
  EXPECT_THROW(kernels::cosine_similarity(normal({2}, 1), normal({1}, 2)), c10::Error);
  EXPECT_THROW(kernels::l1_sums({}), c10::Error);
}

}  // namespace
}  // namespace ditto::test
