// Weighted sums of features against the same sum in fp64.

#include "kernels/blend.h"

#include <limits>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include "kernel_support.h"

namespace ditto::test {
namespace {

const std::vector<float> kWeights{1.75F, -1.0F, 0.25F};

/// Three terms in the layout, and their weighted sum in fp64.
struct Terms {
  std::vector<Guarded> guarded;
  std::vector<at::Tensor> views;
  at::Tensor sum;

  Terms(at::ScalarType dtype, Layout layout, at::IntArrayRef sizes) : sum(at::zeros(sizes, at::kDouble)) {
    for (std::size_t k = 0; k < kWeights.size(); ++k) {
      guarded.emplace_back(normal(sizes, k + 1, dtype), layout);
      views.push_back(guarded.back().view());
      sum += views.back().to(at::kDouble) * kWeights[k];
    }
  }

  bool untouched() const {
    return std::ranges::all_of(guarded, [](const Guarded& term) { return term.untouched(); });
  }
};

void for_every_case(const auto& check) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const std::vector<std::int64_t>& sizes :
           {std::vector<std::int64_t>{1, 1, 1}, {2, 3, 33}, {1, 65, 96}, {1, 16, 2, 3, 5}}) {
        SCOPED_TRACE(described(dtype, layout, sizes.back()));
        check(dtype, layout, sizes);
      }
    }
  }
}

TEST(Blend, WeightedSum) {
  for_every_case([](at::ScalarType dtype, Layout layout, const std::vector<std::int64_t>& sizes) {
    const Terms terms(dtype, layout, sizes);
    expect_near(kernels::weighted_sum(terms.views, kWeights), terms.sum.to(dtype));
    EXPECT_TRUE(terms.untouched());
  });
}

TEST(Blend, AddsInPlaceAndLeavesTheGuards) {
  for_every_case([](at::ScalarType dtype, Layout layout, const std::vector<std::int64_t>& sizes) {
    const Terms terms(dtype, layout, sizes);
    const Guarded target(normal(sizes, 9, dtype), layout);
    const at::Tensor expected = (target.view().to(at::kDouble) + terms.sum).to(dtype);
    kernels::add_weighted_sum_(target.view(), terms.views, kWeights);
    expect_near(target.view(), expected);
    EXPECT_TRUE(target.guards_intact() && terms.untouched());
  });
}

TEST(Blend, AssignsInPlaceAndLeavesTheGuards) {
  for_every_case([](at::ScalarType dtype, Layout layout, const std::vector<std::int64_t>& sizes) {
    const Terms terms(dtype, layout, sizes);
    const Guarded target(normal(sizes, 9, dtype), layout);
    kernels::assign_weighted_sum_(target.view(), terms.views, kWeights);
    expect_near(target.view(), terms.sum.to(dtype));
    EXPECT_TRUE(target.guards_intact() && terms.untouched());
  });
}

TEST(Blend, OneTermOfWeightOneIsHandedOnUncopied) {
  const std::vector<at::Tensor> term{normal({1, 3, 8}, 1, at::kBFloat16)};
  const std::vector<float> one{1.0F};
  EXPECT_TRUE(kernels::weighted_sum(term, one).is_same(term.front()));
  const at::Tensor target = normal({1, 3, 8}, 2, at::kBFloat16), sum = target + term.front();
  kernels::add_weighted_sum_(target, term, one);
  EXPECT_TRUE(at::equal(target, sum));
  kernels::assign_weighted_sum_(target, term, one);
  EXPECT_TRUE(at::equal(target, term.front()));
}

TEST(Blend, NanStaysInItsElement) {
  for (const at::ScalarType dtype : kDtypes) {
    Terms terms(dtype, Layout::kPlain, {1, 5, 33});
    terms.views[1][0][4][32] = std::numeric_limits<double>::quiet_NaN();
    const at::Tensor nan = at::isnan(kernels::weighted_sum(terms.views, kWeights));
    EXPECT_TRUE(nan[0][4][32].item<bool>());
    EXPECT_EQ(nan.sum().item<std::int64_t>(), 1);
  }
}

TEST(Blend, Float64TermsKeepTheirPrecision) {
  const std::vector<at::Tensor> terms{normal({1, 3, 8}, 1).to(at::kDouble) / 3, normal({1, 3, 8}, 2).to(at::kDouble)};
  const std::vector<float> weights{2.0F, -1.0F};
  EXPECT_TRUE(at::equal(kernels::weighted_sum(terms, weights), terms[0] * 2 - terms[1]));
}

TEST(Blend, RefusesTermsWithoutWeights) {
  const std::vector<at::Tensor> terms{normal({1, 3, 8}, 1)};
  EXPECT_THROW(kernels::weighted_sum(terms, {}), c10::Error);
  EXPECT_THROW(kernels::weighted_sum({}, {}), c10::Error);
}

}  // namespace
}  // namespace ditto::test
