#include "runtime/guidance.h"

#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

#include "toy_support.h"

namespace ditto::test {
namespace {

at::Tensor guided(const std::vector<at::Tensor>& predictions, double guidance) {
  return kernels::guided(guide(predictions, guidance));
}

TEST(Guidance, LeadsAwayFromTheUnconditionalPrediction) {
  const std::vector<at::Tensor> predictions = {at::tensor({1.0F, 2.0F}), at::tensor({3.0F, -1.0F})};
  EXPECT_TRUE(same_bits(guided(predictions, 5.0), at::tensor({3.0F + 5 * -2.0F, -1.0F + 5 * 3.0F})));
  EXPECT_TRUE(same_bits(guided(predictions, 1.0), predictions[0]));
  EXPECT_TRUE(same_bits(guided(predictions, 0.0), predictions[1]));
}

TEST(Guidance, ReturnsASinglePredictionAsItIs) {
  const std::vector<at::Tensor> prediction = {at::tensor({1.0F, 2.0F})};
  EXPECT_TRUE(guided(prediction, 5.0).is_same(prediction[0]));
}

TEST(Guidance, KeepsTheDtype) {
  const std::vector<at::Tensor> predictions = {at::tensor({1.0F}).to(at::kBFloat16),
                                               at::tensor({2.0F}).to(at::kBFloat16)};
  EXPECT_EQ(guided(predictions, 3.0).scalar_type(), at::kBFloat16);
  EXPECT_EQ(guided(predictions, 3.0).item<float>(), -1.0F);
}

TEST(Guidance, TakesTheWiderDtypeOfABlendedAndAComputedBranch) {
  const at::Tensor wide = at::tensor({1.0F}), narrow = at::tensor({2.0F}).to(at::kBFloat16);
  for (const std::vector<at::Tensor>& predictions : {std::vector{wide, narrow}, std::vector{narrow, wide}}) {
    EXPECT_EQ(guided(predictions, 3.0).scalar_type(), at::kFloat);
  }
}

}  // namespace
}  // namespace ditto::test
