// The GPU's int8 kernels against their unfused meaning, in guarded memory.

#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/zeros.h>

#include "cuda_host/cuda_support.h"
#include "kernels/reference/reference.h"

namespace ditto::test {
namespace {

/// The last one is more than a block's threads take at once.
constexpr std::int64_t kColumns[] = {1, 7, 8, 33, 96, 516, 8328};

/// The quantised rows; their scales are written to `scales`.
void quantise(const at::Tensor& x, const at::Tensor& out, const at::Tensor& scales) {
  const kernels::MatrixView from = matrix(x), to = matrix(out);
  const kernels::QuantiseArguments arguments{type_of(x), from, to, from.columns, scales.mutable_data_ptr<float>()};
  EXPECT_EQ(cuda_on_host().quantise(arguments, from.rows, nullptr), 0);
}

TEST(CudaQuantise, EqualsItsMeaning) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const std::int64_t columns : kColumns) {
        SCOPED_TRACE(described(dtype, layout, columns));
        const Guarded x(normal({3, columns}, 1, dtype), layout);
        const kernels::QuantisedRows meaning = kernels::reference::quantise_rows(x.view());
        const at::Tensor values = same_in_every_order([&] {
          const Guarded out(at::zeros({3, columns}, at::kChar), layout), scales(at::zeros({3}), layout);
          quantise(x.view(), out.view(), scales.view());
          EXPECT_TRUE(at::equal(scales.view(), meaning.scales));
          EXPECT_TRUE(out.guards_intact() && scales.guards_intact() && x.untouched());
          return out.view().clone();
        });
        EXPECT_TRUE(at::equal(values, meaning.values));
      }
    }
  }
}

TEST(CudaQuantise, WhatHasNoIntegerBecomesZero) {
  const at::Tensor x = normal({3, 40}, 1), out = at::empty({3, 40}, at::kChar), scales = at::empty({3});
  x[0][7] = std::numeric_limits<float>::infinity();
  x[1].fill_(std::numeric_limits<float>::denorm_min());
  x[2][39] = std::numeric_limits<float>::quiet_NaN();
  quantise(x, out, scales);
  EXPECT_TRUE(at::equal(out, at::zeros({3, 40}, at::kChar)));
}

TEST(CudaQuantise, NeedsItsBarrier) {
  const at::Tensor x = normal({2, 2000}, 1), out = at::empty({2, 2000}, at::kChar), scales = at::empty({2});
  expect_every_barrier_needed(1, [&] { quantise(x, out, scales); });
}

TEST(CudaDequantise, EqualsItsMeaning) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const std::int64_t columns : {1, 7, 8, 33, 96, 2056}) {
        SCOPED_TRACE(described(dtype, layout, columns));
        const Guarded sums(at::randint(-9999, 9999, {3, columns}, at::kInt), layout);
        const Guarded residual(normal({3, columns}, 5, dtype), layout);
        const kernels::DequantisedSum product{sums.view(),          normal({3}, 1) / 100, normal({columns}, 2) / 100,
                                              normal({columns}, 3), normal({columns}, 4), residual.view()};
        const at::Tensor result = same_in_every_order([&] {
          const Guarded out(at::zeros({3, columns}, dtype), layout);
          const kernels::MatrixView to = matrix(out.view());
          const kernels::DequantiseArguments arguments{type_of(out.view()),
                                                       matrix(sums.view()),
                                                       product.row_scales.const_data_ptr<float>(),
                                                       product.column_scales.const_data_ptr<float>(),
                                                       product.bias.const_data_ptr<float>(),
                                                       product.gate.const_data_ptr<float>(),
                                                       matrix(residual.view()),
                                                       to,
                                                       columns};
          EXPECT_EQ(cuda_on_host().dequantise(arguments, to.rows, nullptr), 0);
          EXPECT_TRUE(out.guards_intact() && sums.untouched() && residual.untouched());
          return out.view().clone();
        });
        expect_near(result, kernels::reference::dequantise(product, dtype));
      }
    }
  }
}

}  // namespace
}  // namespace ditto::test
