// Attention that each token receives, against columns of the whole attention matrix.

#include "kernels/received_attention.h"

#include <cmath>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

#include "tolerances.h"

namespace ditto::test {
namespace {

at::Tensor normal(at::IntArrayRef sizes, std::uint64_t seed) {
  return at::randn(sizes, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions(at::kFloat));
}

double largest(const at::Tensor& tensor) { return tensor.abs().max().item<double>(); }

/// Mean over heads and the asking queries of the whole matrix, in fp64.
at::Tensor by_definition(const at::Tensor& query, const at::Tensor& key, std::int64_t stride) {
  const at::Tensor q = query.to(at::kDouble).transpose(1, 2), k = key.to(at::kDouble).transpose(1, 2);
  const at::Tensor scores = at::matmul(q, k.transpose(2, 3)) / std::sqrt(static_cast<double>(query.size(3)));
  const at::Tensor asking = at::softmax(scores, 3).slice(2, 0, query.size(1), stride);
  return asking.mean(at::IntArrayRef{1, 2});
}

TEST(ReceivedAttention, IsTheMeanOfTheColumns) {
  // Every query attends by 1/2, 1/4, 1/8, 1/8: the columns of the four sum to 2, 1, 1/2, 1/2.
  const at::Tensor share = at::tensor({0.5F, 0.25F, 0.125F, 0.125F});
  const at::Tensor query = at::ones({1, 4, 1, 1}), key = share.log().reshape({1, 4, 1, 1});
  EXPECT_LE(largest(kernels::received_attention(query, key, 1)[0] - share), tolerance::kClosedForm);
}

TEST(ReceivedAttention, EqualsTheWholeMatrixOverSeveralChunks) {
  const at::Tensor query = normal({2, 300, 3, 8}, 1), key = normal({2, 300, 3, 8}, 2);
  for (const std::int64_t stride : {1, 2, 7, 300, 1000}) {
    const at::Tensor received = kernels::received_attention(query, key, stride);
    EXPECT_LE(largest(received.to(at::kDouble) - by_definition(query, key, stride)), tolerance::kClosedForm) << stride;
    EXPECT_LE(largest(received.sum(1) - 1), tolerance::kUnitFloat32) << stride;
  }
}

TEST(ReceivedAttention, OfHalfPrecisionIsMeasuredInFloat32) {
  const at::Tensor query = normal({1, 40, 2, 8}, 3).to(at::kBFloat16), key = normal({1, 40, 2, 8}, 4).to(at::kBFloat16);
  const at::Tensor received = kernels::received_attention(query, key, 3);
  EXPECT_EQ(received.scalar_type(), at::kFloat);
  EXPECT_LE(largest(received.to(at::kDouble) - by_definition(query, key, 3)), tolerance::kClosedForm);
}

TEST(ReceivedAttention, RefusesWhatIsNoAttention) {
  const at::Tensor heads = normal({1, 4, 1, 2}, 5);
  EXPECT_THROW(kernels::received_attention(heads, heads, 0), c10::Error);
  EXPECT_THROW(kernels::received_attention(heads[0], heads, 1), c10::Error);
}

}  // namespace
}  // namespace ditto::test
