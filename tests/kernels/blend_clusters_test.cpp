// Weighted sums whose weights differ by channel cluster, against the sum written out channel by channel in fp64.

#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include "kernels/blend.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

const std::vector<std::int32_t> kClusterOfChannel = {2, 0, 1, 1, 0};
/// Three clusters, two terms.
const std::vector<float> kWeights = {1.5F, -0.5F, 1, 0, 2, -1};

std::vector<at::Tensor> terms_of(at::ScalarType dtype) {
  std::vector<at::Tensor> terms;
  for (const std::uint64_t seed : {1, 2}) {
    terms.push_back(
        at::randn({1, 7, 5}, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions(at::kFloat)).to(dtype));
  }
  return terms;
}

kernels::BlendWeights clustered() { return {kWeights, at::tensor(kClusterOfChannel, at::kInt)}; }

at::Tensor sum_by_channel(const std::vector<at::Tensor>& terms) {
  at::Tensor sum = at::zeros(terms.front().sizes(), at::kDouble);
  for (std::int64_t channel = 0; channel < 5; ++channel) {
    const auto cluster = static_cast<std::size_t>(kClusterOfChannel[static_cast<std::size_t>(channel)]);
    for (std::size_t k = 0; k < terms.size(); ++k) {
      sum.select(2, channel).add_(terms[k].select(2, channel).to(at::kDouble), kWeights[cluster * terms.size() + k]);
    }
  }
  return sum;
}

double largest(const at::Tensor& tensor) { return tensor.to(at::kDouble).abs().max().item<double>(); }

TEST(BlendClusters, EachChannelHasTheWeightsOfItsCluster) {
  const std::vector<at::Tensor> terms = terms_of(at::kFloat);
  const at::Tensor sum = kernels::weighted_sum(terms, clustered());
  EXPECT_LE(largest(sum - sum_by_channel(terms)), tolerance::kClosedForm);
}

TEST(BlendClusters, AreAddedAndAssignedInPlace) {
  const std::vector<at::Tensor> terms = terms_of(at::kFloat);
  const at::Tensor before = terms[1].flip(1).contiguous(), target = before.clone();
  kernels::add_weighted_sum_(target, terms, clustered());
  EXPECT_LE(largest(target - (before + sum_by_channel(terms))), tolerance::kClosedForm);
  kernels::assign_weighted_sum_(target, terms, clustered());
  EXPECT_LE(largest(target - sum_by_channel(terms)), tolerance::kClosedForm);
}

TEST(BlendClusters, OfHalfPrecisionAreRoundedOnce) {
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
    const std::vector<at::Tensor> terms = terms_of(dtype);
    const std::vector<at::Tensor> wide = {terms[0].to(at::kFloat), terms[1].to(at::kFloat)};
    const at::Tensor sum = kernels::weighted_sum(terms, clustered());
    EXPECT_TRUE(at::equal(sum, kernels::weighted_sum(wide, clustered()).to(dtype)));
  }
}

TEST(BlendClusters, OneClusterEqualsNone) {
  const std::vector<at::Tensor> terms = terms_of(at::kFloat);
  const std::vector<float> weights = {1.75F, -0.75F};
  const at::Tensor one = kernels::weighted_sum(terms, {weights, at::zeros({5}, at::kInt)});
  EXPECT_LE(largest(one - kernels::weighted_sum(terms, {weights})), tolerance::kClosedForm);
}

TEST(BlendClusters, OfOneTermOfWeightOneHaveItsBits) {
  const std::vector<at::Tensor> term = {terms_of(at::kFloat).front()};
  const std::vector<float> ones = {1, 1, 1};
  EXPECT_TRUE(at::equal(kernels::weighted_sum(term, {ones, at::tensor(kClusterOfChannel, at::kInt)}), term.front()));
}

TEST(BlendClusters, RefuseWeightsThatAreNoWholeTable) {
  const std::vector<at::Tensor> terms = terms_of(at::kFloat);
  const std::vector<float> five = {1, 2, 3, 4, 5};
  EXPECT_THROW(kernels::weighted_sum(terms, {five, at::tensor(kClusterOfChannel, at::kInt)}), c10::Error);
  EXPECT_THROW(kernels::weighted_sum(terms, {five}), c10::Error);
}

}  // namespace
}  // namespace ditto::test
