// Norms and the gated addition against their unfused meaning.

#include <initializer_list>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/polar.h>
#include <ATen/ops/tensor.h>

#include "cpu_targets.h"
#include "kernel_support.h"
#include "kernels/gated_add.h"
#include "kernels/modulated_layer_norm.h"
#include "kernels/reference/reference.h"
#include "kernels/rms_norm_rope.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

constexpr double kEpsilon = 1e-6;
constexpr std::int64_t kTokens[] = {1, 3, 65};
constexpr std::int64_t kChannels[] = {2, 7, 33, 96, 516};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Calls check(dtype, layout, tokens, channels) for every combination.
void for_every_case(const auto& check) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const std::int64_t tokens : kTokens) {
        for (const std::int64_t channels : kChannels) {
          SCOPED_TRACE(described(dtype, layout, tokens, channels));
          check(dtype, layout, tokens, channels);
        }
      }
    }
  }
}

TEST(ModulatedLayerNorm, EqualsItsMeaning) {
  for_every_case([](at::ScalarType dtype, Layout layout, std::int64_t tokens, std::int64_t channels) {
    const Guarded x(normal({2, tokens, channels}, 1, dtype) * 3 + 1, layout);
    const Guarded scale(normal({channels}, 2) + 1, layout), shift(normal({channels}, 3), layout);
    const at::Tensor meaning = kernels::reference::modulated_layer_norm(x.view(), scale.view(), shift.view(), kEpsilon);
    const auto run = [&](KernelMode mode) {
      return kernels::modulated_layer_norm(x.view(), scale.view(), shift.view(), kEpsilon, mode);
    };
    expect_near(run(KernelMode::kAuto), meaning);
    EXPECT_TRUE(at::equal(run(KernelMode::kReference), meaning));
    EXPECT_TRUE(x.untouched() && scale.untouched() && shift.untouched());
  });
}

TEST(ModulatedLayerNorm, NanStaysInItsToken) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const KernelMode mode : {KernelMode::kAuto, KernelMode::kReference}) {
      const at::Tensor x = normal({1, 5, 33}, 1, dtype);
      x[0][2][32] = kNan;
      const at::Tensor nan =
          at::isnan(kernels::modulated_layer_norm(x, normal({33}, 2), normal({33}, 3), kEpsilon, mode));
      EXPECT_TRUE(nan[0][2].all().item<bool>());
      EXPECT_EQ(nan.sum().item<std::int64_t>(), 33);
    }
  }
}

TEST(Norms, HaveThePublishedValues) {
  const at::Tensor x = at::tensor({1.0F, 2.0F, 3.0F, 4.0F}).view({1, 1, 4}), one = at::ones({4});
  const auto expect_values = [](const at::Tensor& actual, std::initializer_list<float> expected) {
    EXPECT_LE((actual.view(-1) - at::tensor(expected)).abs().max().item<double>(), tolerance::kClosedForm);
  };
  for (const KernelMode mode : {KernelMode::kAuto, KernelMode::kReference}) {
    expect_values(kernels::modulated_layer_norm(x, one, one * 0, kEpsilon, mode),
                  {-1.341640F, -0.447213F, 0.447213F, 1.341640F});
    expect_values(kernels::modulated_layer_norm(x, one * 1.5, one * 0.25, kEpsilon, mode),
                  {-1.762460F, -0.420820F, 0.920820F, 2.262460F});
    expect_values(kernels::rms_norm(x, one, kEpsilon, mode), {0.365148F, 0.730297F, 1.095445F, 1.460593F});
  }
}

TEST(Norms, TakeNoTokens) {
  const at::Tensor x = normal({2, 0, 6}, 1), weight = normal({6}, 2);
  EXPECT_EQ(kernels::modulated_layer_norm(x, weight, weight, kEpsilon, KernelMode::kAuto).sizes(), x.sizes());
  EXPECT_EQ(kernels::rms_norm(x, weight, kEpsilon, KernelMode::kAuto).sizes(), x.sizes());
}

TEST(ModulatedLayerNorm, RefusesModulationsOf16Bit) {
  const at::Tensor x = normal({1, 2, 8}, 1, at::kBFloat16), low = normal({8}, 2, at::kBFloat16);
  EXPECT_THROW(kernels::modulated_layer_norm(x, low, low, kEpsilon, KernelMode::kAuto), c10::Error);
}

TEST(RmsNorm, EqualsItsMeaning) {
  for_every_case([](at::ScalarType dtype, Layout layout, std::int64_t tokens, std::int64_t channels) {
    const Guarded x(normal({2, tokens, channels}, 1, dtype) * 3, layout);
    const Guarded weight(normal({channels}, 2, dtype), layout);
    const at::Tensor meaning = kernels::reference::rms_norm(x.view(), weight.view(), kEpsilon);
    const auto run = [&](KernelMode mode) { return kernels::rms_norm(x.view(), weight.view(), kEpsilon, mode); };
    expect_near(run(KernelMode::kAuto), meaning);
    EXPECT_TRUE(at::equal(run(KernelMode::kReference), meaning));
    EXPECT_TRUE(x.untouched() && weight.untouched());
  });
}

TEST(RmsNorm, DoesNotRoundAWideWeight) {
  on_every_target([] {
    for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
      const at::Tensor x = normal({1, 40, 96}, 1, dtype), weight = normal({96}, 2), exact = x.to(at::kDouble);
      const at::Tensor scale = (exact.square().mean(-1, /*keepdim=*/true) + kEpsilon).rsqrt();
      const at::Tensor nearest = (exact * scale * weight).to(dtype);
      const at::Tensor fused = kernels::rms_norm(x, weight, kEpsilon, KernelMode::kAuto);
      // Of a weight of 16 bits every fourth element would be another.
      EXPECT_LT((fused != nearest).to(at::kFloat).mean().item<double>(), 0.01);
    }
  });
}

/// A rotation [tokens, 1, pairs] by angles of all sizes.
at::Tensor rotation_of(std::int64_t tokens, std::int64_t pairs) {
  const at::Tensor angles = normal({tokens, 1, pairs}, 5) * 10;
  return at::polar(at::ones_like(angles), angles);
}

TEST(RmsNormRope, EqualsItsMeaning) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kLayouts) {
      for (const std::int64_t tokens : kTokens) {
        for (const auto& [heads, width] :
             {std::pair<std::int64_t, std::int64_t>{1, 2}, {2, 12}, {3, 20}, {2, 128}, {3, 200}}) {
          SCOPED_TRACE(described(dtype, layout, tokens, heads, width));
          const Guarded x(normal({2, tokens, heads * width}, 1, dtype) * 3, layout);
          const Guarded weight(normal({heads * width}, 2, dtype), layout);
          const at::Tensor rotation = rotation_of(tokens, width / 2);
          const at::Tensor normalised = kernels::reference::rms_norm(x.view(), weight.view(), kEpsilon);
          const at::Tensor meaning = kernels::reference::rotate(normalised.view({2, tokens, heads, width}), rotation);
          const auto run = [&](KernelMode mode) {
            return kernels::rms_norm_rope(x.view(), weight.view(), kEpsilon, rotation, mode);
          };
          expect_near(run(KernelMode::kAuto), meaning);
          EXPECT_TRUE(at::equal(run(KernelMode::kReference), meaning));
          EXPECT_TRUE(x.untouched() && weight.untouched());
        }
      }
    }
  }
}

TEST(RmsNormRope, NanStaysInItsToken) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const KernelMode mode : {KernelMode::kAuto, KernelMode::kReference}) {
      const at::Tensor x = normal({1, 5, 24}, 1, dtype);
      x[0][2][23] = kNan;
      const at::Tensor nan =
          at::isnan(kernels::rms_norm_rope(x, normal({24}, 2, dtype), kEpsilon, rotation_of(5, 6), mode));
      EXPECT_TRUE(nan[0][2].all().item<bool>());
      EXPECT_EQ(nan.sum().item<std::int64_t>(), 24);
    }
  }
}

TEST(GatedAdd, EqualsItsMeaningAndLeavesTheGuards) {
  for_every_case([](at::ScalarType dtype, Layout layout, std::int64_t tokens, std::int64_t channels) {
    const at::Tensor start = normal({2, tokens, channels}, 1, dtype);
    const Guarded x(normal({2, tokens, channels}, 2, dtype), layout), gate(normal({channels}, 3), layout);
    const at::Tensor meaning = start.clone();
    kernels::reference::gated_add_(meaning, x.view(), gate.view());
    for (const KernelMode mode : {KernelMode::kAuto, KernelMode::kReference}) {
      const Guarded target(start, layout);
      kernels::gated_add_(target.view(), x.view(), gate.view(), mode);
      expect_near(target.view(), meaning);
      EXPECT_TRUE(target.guards_intact() && x.untouched() && gate.untouched());
    }
  });
}

TEST(GatedAdd, NanStaysInItsElement) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const KernelMode mode : {KernelMode::kAuto, KernelMode::kReference}) {
      const at::Tensor target = normal({1, 5, 33}, 1, dtype), x = normal({1, 5, 33}, 2, dtype);
      target[0][1][32] = kNan;
      x[0][3][31] = kNan;
      kernels::gated_add_(target, x, normal({33}, 3), mode);
      EXPECT_TRUE(at::isnan(target[0][1][32]).item<bool>() && at::isnan(target[0][3][31]).item<bool>());
      EXPECT_EQ(at::isnan(target).sum().item<std::int64_t>(), 2);
    }
  }
}

}  // namespace
}  // namespace ditto::test
