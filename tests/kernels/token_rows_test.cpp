// Tokens taken out and put back.

#include "kernels/token_rows.h"

#include <ATen/ops/tensor.h>

#include "kernel_support.h"

namespace ditto::test {
namespace {

TEST(TokenRows, AreTakenInTheOrderOfTheIndexAndPutBack) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      SCOPED_TRACE(described(dtype, layout));
      const at::Tensor start = normal({2, 6, 33}, 1, dtype), index = at::tensor({4, 0, 3}, at::kLong);
      const Guarded x(start, layout);
      const at::Tensor taken = kernels::gather_rows(x.view(), index);
      ASSERT_EQ(taken.sizes(), (std::vector<std::int64_t>{2, 3, 33}));
      for (int row = 0; row < 2; ++row) {
        EXPECT_TRUE(at::equal(taken[row][0], start[row][4]) && at::equal(taken[row][2], start[row][3]));
      }
      kernels::scatter_rows_(x.view(), normal({2, 3, 33}, 2, dtype), index);
      EXPECT_TRUE(x.guards_intact());
      EXPECT_TRUE(at::equal(x.view()[1][5], start[1][5]));
      EXPECT_FALSE(at::equal(x.view()[1][4], start[1][4]));
      kernels::scatter_rows_(x.view(), taken, index);
      EXPECT_TRUE(at::equal(x.view(), start));
    }
  }
}

TEST(TokenRows, RefuseTokensThatAreNotThere) {
  const at::Tensor x = normal({1, 6, 4}, 1);
  EXPECT_THROW(kernels::gather_rows(x, at::tensor({6}, at::kLong)), c10::Error);
  EXPECT_THROW(kernels::scatter_rows_(x, normal({1, 2, 4}, 2), at::tensor({1}, at::kLong)), c10::Error);
}

}  // namespace
}  // namespace ditto::test
