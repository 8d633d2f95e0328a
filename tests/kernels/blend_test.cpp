// Weighted sums of features against the same sum in fp64.

#include "kernels/blend.h"

#include <algorithm>
#include <limits>
#include <span>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "kernel_support.h"

namespace ditto::test {
namespace {

constexpr std::int64_t kTerms = 3, kClusters = 2;
/// One row for every cluster; without clusters the first row counts.
const std::vector<float> kWeights{1.75F, -1.0F, 0.25F, 0.5F, 2.0F, -1.5F};

/// Three terms in the layout, their weights, and their weighted sum in fp64.
struct Terms {
  std::vector<Guarded> guarded;
  std::vector<at::Tensor> views;
  kernels::BlendWeights weights;
  at::Tensor sum;

  Terms(at::ScalarType dtype, Layout layout, at::IntArrayRef sizes, bool clustered)
      : weights{std::span(kWeights).first(clustered ? kWeights.size() : kTerms)}, sum(at::zeros(sizes, at::kDouble)) {
    const at::Tensor cluster = at::arange(sizes.back(), at::kInt) % kClusters;
    if (clustered) weights.cluster_of_channel = cluster;
    const at::Tensor table = at::tensor(kWeights, at::kDouble).view({kClusters, kTerms});
    for (std::int64_t k = 0; k < kTerms; ++k) {
      guarded.emplace_back(normal(sizes, static_cast<std::uint64_t>(k + 1), dtype), layout);
      views.push_back(guarded.back().view());
      sum += views.back().to(at::kDouble) * (clustered ? table.select(1, k).index_select(0, cluster) : table[0][k]);
    }
  }

  bool untouched() const {
    return std::ranges::all_of(guarded, [](const Guarded& term) { return term.untouched(); });
  }
};

/// Calls check(terms, start of a target of their size, layout) for every combination.
void for_every_case(const auto& check) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const bool clustered : {false, true}) {
        for (const std::vector<std::int64_t>& sizes :
             {std::vector<std::int64_t>{1, 1, 1}, {2, 3, 33}, {1, 65, 96}, {1, 16, 2, 3, 5}}) {
          SCOPED_TRACE(described(dtype, layout, clustered, sizes.back()));
          check(Terms(dtype, layout, sizes, clustered), normal(sizes, 9, dtype), layout);
        }
      }
    }
  }
}

TEST(Blend, WeightedSum) {
  for_every_case([](const Terms& terms, const at::Tensor& start, Layout) {
    expect_near(kernels::weighted_sum(terms.views, terms.weights), terms.sum.to(start.scalar_type()));
    EXPECT_TRUE(terms.untouched());
  });
}

TEST(Blend, AddsInPlaceAndLeavesTheGuards) {
  for_every_case([](const Terms& terms, const at::Tensor& start, Layout layout) {
    const Guarded target(start, layout);
    kernels::add_weighted_sum_(target.view(), terms.views, terms.weights);
    expect_near(target.view(), (start.to(at::kDouble) + terms.sum).to(start.scalar_type()));
    EXPECT_TRUE(target.guards_intact() && terms.untouched());
  });
}

TEST(Blend, AssignsInPlaceAndLeavesTheGuards) {
  for_every_case([](const Terms& terms, const at::Tensor& start, Layout layout) {
    const Guarded target(start, layout);
    kernels::assign_weighted_sum_(target.view(), terms.views, terms.weights);
    expect_near(target.view(), terms.sum.to(start.scalar_type()));
    EXPECT_TRUE(target.guards_intact() && terms.untouched());
  });
}

TEST(Blend, OneTermOfWeightOneIsHandedOnUncopied) {
  const std::vector<at::Tensor> term{normal({1, 3, 8}, 1, at::kBFloat16)};
  const std::vector<float> values{1.0F};
  const kernels::BlendWeights one{values};
  EXPECT_TRUE(kernels::weighted_sum(term, one).is_same(term.front()));
  const at::Tensor target = normal({1, 3, 8}, 2, at::kBFloat16), sum = target + term.front();
  kernels::add_weighted_sum_(target, term, one);
  EXPECT_TRUE(at::equal(target, sum));
  kernels::assign_weighted_sum_(target, term, one);
  EXPECT_TRUE(at::equal(target, term.front()));
}

TEST(Blend, NanStaysInItsElement) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const bool clustered : {false, true}) {
      const Terms terms(dtype, Layout::kPlain, {1, 5, 33}, clustered);
      terms.views[1][0][4][32] = std::numeric_limits<double>::quiet_NaN();
      const at::Tensor nan = at::isnan(kernels::weighted_sum(terms.views, terms.weights));
      EXPECT_TRUE(nan[0][4][32].item<bool>());
      EXPECT_EQ(nan.sum().item<std::int64_t>(), 1);
    }
  }
}

TEST(Blend, Float64TermsKeepTheirPrecision) {
  const std::vector<at::Tensor> terms{normal({1, 3, 8}, 1).to(at::kDouble) / 3, normal({1, 3, 8}, 2).to(at::kDouble)};
  const std::vector<float> weights{2.0F, -1.0F};
  EXPECT_TRUE(at::equal(kernels::weighted_sum(terms, {weights}), terms[0] * 2 - terms[1]));
}

TEST(Blend, RefusesTermsWithoutWeights) {
  const std::vector<at::Tensor> terms{normal({1, 3, 8}, 1)};
  const std::vector<float> two{1.0F, 2.0F};
  EXPECT_THROW(kernels::weighted_sum(terms, {}), c10::Error);
  EXPECT_THROW(kernels::weighted_sum({}, {}), c10::Error);
  EXPECT_THROW(kernels::weighted_sum(terms, {two}), c10::Error);
  EXPECT_THROW(kernels::weighted_sum(terms, {{}, at::arange(8, at::kLong)}), c10::Error);
}

}  // namespace
}  // namespace ditto::test
