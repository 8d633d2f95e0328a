// Quantised rows and the way back against their unfused meaning.

#include "kernels/int8_rows.h"

#include <cmath>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "cpu_targets.h"
#include "kernel_support.h"
#include "kernels/reference/reference.h"

namespace ditto::test {
namespace {

constexpr std::int64_t kChannels[] = {1, 7, 33, 96, 516};

TEST(QuantisedRows, HaveThePublishedValues) {
  on_every_target([] {
    const at::Tensor x = at::tensor({0.1F, -0.4F, 1.27F, 0.0F, 0.0F, 0.0F}).view({2, 3});
    const kernels::QuantisedRows rows = kernels::quantise_rows(x, KernelMode::kAuto);
    EXPECT_TRUE(at::equal(rows.values, at::tensor({10, -40, 127, 0, 0, 0}, at::kChar).view({2, 3})));
    EXPECT_NEAR(rows.scales[0].item<double>(), 0.01, tolerance::kClosedForm);
    EXPECT_EQ(rows.scales[1].item<double>(), 1);
  });
}

TEST(QuantisedRows, EqualTheirMeaning) {
  on_every_target([] {
    for (const at::ScalarType dtype : kDtypes) {
      for (const Layout layout : kLayouts) {
        for (const std::int64_t channels : kChannels) {
          SCOPED_TRACE(described(dtype, layout, channels));
          const Guarded x(normal({2, 5, channels}, 1, dtype), layout);
          const kernels::QuantisedRows meaning = kernels::reference::quantise_rows(x.view());
          const kernels::QuantisedRows rows = kernels::quantise_rows(x.view(), KernelMode::kAuto);
          EXPECT_TRUE(at::equal(rows.values, meaning.values));
          EXPECT_TRUE(at::equal(rows.scales, meaning.scales));
          EXPECT_TRUE(x.untouched());
        }
      }
    }
  });
}

TEST(QuantisedRows, NanIsToldByTheScaleOfItsRow) {
  on_every_target([] {
    for (const KernelMode mode : {KernelMode::kAuto, KernelMode::kReference}) {
      for (const std::int64_t place : {0, 17, 32}) {
        const at::Tensor x = normal({3, 33}, 1);
        x[1][place] = std::numeric_limits<float>::quiet_NaN();
        const at::Tensor nan = at::isnan(kernels::quantise_rows(x, mode).scales);
        EXPECT_TRUE(at::equal(nan.to(at::kInt), at::tensor({0, 1, 0}, at::kInt))) << place;
      }
    }
  });
}

TEST(Dequantised, EqualsItsMeaning) {
  on_every_target([] {
    for (const at::ScalarType dtype : kDtypes) {
      for (const std::int64_t channels : kChannels) {
        for (const bool all : {false, true}) {
          SCOPED_TRACE(described(dtype, Layout::kPlain, channels, all));
          kernels::DequantisedSum product{at::randint(-9999, 9999, {2, 5, channels}, at::kInt), normal({2, 5}, 1) / 100,
                                          normal({channels}, 2) / 100};
          if (all) {
            product.bias = normal({channels}, 3);
            product.gate = normal({channels}, 4);
            product.residual = normal({2, 5, channels}, 5, dtype);
          }
          expect_near(kernels::dequantise(product, dtype, KernelMode::kAuto),
                      kernels::dequantise(product, dtype, KernelMode::kReference));
        }
      }
    }
  });
}

TEST(Dequantised, RefusesWhatDoesNotFit) {
  const at::Tensor sums = at::zeros({5, 8}, at::kInt), rows = normal({5}, 1), columns = normal({8}, 2);
  const auto run = [](const kernels::DequantisedSum& product) {
    return kernels::dequantise(product, at::kBFloat16, KernelMode::kAuto);
  };
  EXPECT_NO_THROW(run({sums, rows, columns}));
  EXPECT_THROW(run({sums.to(at::kLong), rows, columns}), c10::Error);
  EXPECT_THROW(run({sums, columns, columns}), c10::Error);
  EXPECT_THROW(run({sums, rows, columns.to(at::kBFloat16)}), c10::Error);
  EXPECT_THROW(run({sums, rows, columns, rows}), c10::Error);
  EXPECT_THROW(run({sums, rows, columns, {}, {}, normal({5, 8}, 3)}), c10::Error);
}

}  // namespace
}  // namespace ditto::test
