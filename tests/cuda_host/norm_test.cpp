// The GPU's norms against their unfused meaning.

#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/polar.h>

#include "cuda_host/cuda_support.h"
#include "kernels/reference/reference.h"

namespace ditto::test {
namespace {

constexpr double kEpsilon = 1e-6;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
/// The last one is more than a block's threads take at once.
constexpr std::int64_t kColumns[] = {1, 7, 8, 33, 96, 516, 8328};

void layer_norm(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift, const at::Tensor& out) {
  const kernels::MatrixView from = matrix(x), to = matrix(out);
  const kernels::LayerNormArguments arguments{type_of(x),
                                              from,
                                              to,
                                              from.columns,
                                              scale.const_data_ptr<float>(),
                                              shift.const_data_ptr<float>(),
                                              static_cast<float>(kEpsilon)};
  EXPECT_EQ(cuda_on_host().layer_norm(arguments, from.rows, nullptr), 0);
}

/// x [batch, tokens, channels]; a rotation of complex64 [tokens, 1, width / 2] or none.
void rms_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& rotation, const at::Tensor& out) {
  const kernels::MatrixView from = matrix(x), to = matrix(out);
  kernels::RmsNormArguments arguments{
      type_of(x), from, to, from.columns, weight.const_data_ptr(), static_cast<float>(kEpsilon), nullptr, 0, 0};
  if (weight.scalar_type() != x.scalar_type()) {
    arguments.wide_weight = weight.const_data_ptr<float>();
    arguments.weight = nullptr;
  }
  if (rotation.defined()) {
    arguments.rotation = static_cast<const float*>(rotation.const_data_ptr());
    arguments.period = x.size(1);
    arguments.width = 2 * rotation.size(-1);
  }
  EXPECT_EQ(cuda_on_host().rms_norm(arguments, from.rows, nullptr), 0);
}

/// run(out) in every order into guarded memory.
at::Tensor guarded_result(const at::Tensor& like, Layout layout, const auto& run) {
  return same_in_every_order([&] {
    const Guarded out(at::zeros_like(like), layout);
    run(out.view());
    EXPECT_TRUE(out.guards_intact());
    return out.view().clone();
  });
}

TEST(CudaLayerNorm, EqualsItsMeaning) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const std::int64_t columns : kColumns) {
        SCOPED_TRACE(described(dtype, layout, columns));
        const Guarded x(normal({1, 3, columns}, 1, dtype) * 3 + 1, layout);
        const Guarded scale(normal({columns}, 2) + 1, layout), shift(normal({columns}, 3), layout);
        const at::Tensor result = guarded_result(
            x.view(), layout, [&](const at::Tensor& out) { layer_norm(x.view(), scale.view(), shift.view(), out); });
        expect_near(result, kernels::reference::modulated_layer_norm(x.view(), scale.view(), shift.view(), kEpsilon));
        EXPECT_TRUE(x.untouched() && scale.untouched() && shift.untouched());
      }
    }
  }
}

TEST(CudaRmsNorm, EqualsItsMeaning) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const std::int64_t columns : kColumns) {
        SCOPED_TRACE(described(dtype, layout, columns));
        for (const at::ScalarType weight_dtype : {dtype, at::kFloat}) {
          const Guarded x(normal({1, 3, columns}, 1, dtype), layout);
          const Guarded weight(normal({columns}, 2, weight_dtype), layout);
          const at::Tensor result = guarded_result(
              x.view(), layout, [&](const at::Tensor& out) { rms_norm(x.view(), weight.view(), {}, out); });
          expect_near(result, kernels::reference::rms_norm(x.view(), weight.view(), kEpsilon));
        }
      }
    }
  }
}

TEST(CudaRmsNorm, WithRotationEqualsItsMeaning) {
  struct Heads {
    std::int64_t heads, width;
  };
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const auto [heads, width] : {Heads{1, 2}, Heads{3, 6}, Heads{2, 8}, Heads{4, 26}, Heads{12, 128}}) {
        SCOPED_TRACE(described(dtype, layout, heads, width));
        constexpr std::int64_t kBatch = 2, kTokens = 3;
        const Guarded x(normal({kBatch, kTokens, heads * width}, 1, dtype), layout);
        const at::Tensor weight = normal({heads * width}, 2, dtype), angle = normal({kTokens, 1, width / 2}, 3);
        const at::Tensor rotation = at::polar(at::ones_like(angle), angle);
        const at::Tensor result =
            guarded_result(x.view(), layout, [&](const at::Tensor& out) { rms_norm(x.view(), weight, rotation, out); });
        const at::Tensor meaning = kernels::reference::rotate(
            kernels::reference::rms_norm(x.view(), weight, kEpsilon).view({kBatch, kTokens, heads, width}), rotation);
        expect_near(result.view(meaning.sizes()), meaning);
        EXPECT_TRUE(x.untouched());
      }
    }
  }
}

TEST(CudaNorms, NanStaysInItsRow) {
  for (const at::ScalarType dtype : kDtypes) {
    const at::Tensor x = normal({1, 4, 300}, 1, dtype), one = normal({300}, 2);
    x[0][2][299] = kNan;
    for (const bool mean : {false, true}) {
      const at::Tensor out = at::zeros_like(x);
      mean ? layer_norm(x, one, one, out) : rms_norm(x, one.to(dtype), {}, out);
      const at::Tensor nan = at::isnan(out);
      EXPECT_TRUE(nan[0][2].all().item<bool>());
      EXPECT_EQ(nan.sum().item<std::int64_t>(), 300);
    }
  }
}

TEST(CudaNorms, NeedEveryBarrier) {
  for (const std::int64_t columns : {8, 2000}) {
    const at::Tensor x = normal({1, 2, columns}, 1), one = normal({columns}, 2), out = at::zeros_like(x);
    expect_every_barrier_needed(2, [&] { layer_norm(x, one, one, out); });
    expect_every_barrier_needed(1, [&] { rms_norm(x, one, {}, out); });
  }
}

}  // namespace
}  // namespace ditto::test
