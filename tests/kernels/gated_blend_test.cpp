// target += gate * (weighted sum + bias) against the same in fp64.

#include <limits>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "cpu_targets.h"
#include "kernel_support.h"
#include "kernels/blend.h"

namespace ditto::test {
namespace {

constexpr KernelMode kModes[] = {KernelMode::kAuto, KernelMode::kReference};

/// A blend of `count` terms and its exact result.
struct GatedBlend {
  std::vector<Guarded> guarded;
  std::vector<at::Tensor> terms;
  std::vector<float> values;
  kernels::BlendWeights weights;
  at::Tensor start, bias, gate, expected;

  GatedBlend(int count, at::IntArrayRef sizes, at::ScalarType dtype, Layout layout, bool clustered, bool biased)
      : start(normal(sizes, 90, dtype)), gate(normal({sizes.back()}, 91)), expected(at::zeros(sizes, at::kDouble)) {
    const std::int64_t clusters = count % 2 == 0 ? 3 : 11;  // few enough to select among in registers, and too many
    const at::Tensor cluster = at::arange(sizes.back(), at::kInt) % clusters;
    const at::Tensor table = normal({clusters, count}, 92);
    for (int i = 0; i < (clustered ? clusters : 1) * count; ++i) values.push_back(table.view(-1)[i].item<float>());
    weights.values = values;
    if (clustered) weights.cluster_of_channel = cluster;
    for (int k = 0; k < count; ++k) {
      guarded.emplace_back(normal(sizes, static_cast<std::uint64_t>(k), dtype), layout);
      terms.push_back(guarded.back().view());
      const at::Tensor by_channel =
          table.select(1, k).to(at::kDouble).index_select(0, clustered ? cluster : cluster * 0);
      expected += terms.back().to(at::kDouble) * by_channel;
    }
    if (biased) {
      bias = normal({sizes.back()}, 93);
      expected += bias;
    }
    expected = start.to(at::kDouble) + expected * gate;
  }
};

TEST(GatedBlend, EqualsItsMeaningForEveryNumberOfTerms) {
  on_every_target([] {
    for (const at::ScalarType dtype : kDtypes) {
      for (const Layout layout : kLayouts) {
        for (int count = 1; count <= 7; ++count) {
          for (const bool clustered : {false, true}) {
            const std::vector<std::int64_t> sizes = {2, 3, count % 2 == 0 ? 33 : 80};
            SCOPED_TRACE(described(dtype, layout, count, clustered));
            const GatedBlend blend(count, sizes, dtype, layout, clustered, /*biased=*/count % 3 != 0);
            for (const KernelMode mode : kModes) {
              const Guarded target(blend.start, layout);
              kernels::gated_add_weighted_sum_(target.view(), blend.terms, blend.weights, blend.bias, blend.gate, mode);
              expect_near(target.view(), blend.expected.to(dtype));
              EXPECT_TRUE(target.guards_intact());
            }
            for (const Guarded& term : blend.guarded) EXPECT_TRUE(term.untouched());
          }
        }
      }
    }
  });
}

TEST(GatedBlend, NanStaysInItsElement) {
  on_every_target([] {
    for (const at::ScalarType dtype : kDtypes) {
      const GatedBlend blend(3, {1, 5, 33}, dtype, Layout::kPlain, false, true);
      blend.terms[1][0][3][31] = std::numeric_limits<float>::quiet_NaN();
      for (const KernelMode mode : kModes) {
        const at::Tensor target = blend.start.clone();
        kernels::gated_add_weighted_sum_(target, blend.terms, blend.weights, blend.bias, blend.gate, mode);
        EXPECT_TRUE(at::isnan(target[0][3][31]).item<bool>());
        EXPECT_EQ(at::isnan(target).sum().item<std::int64_t>(), 1);
      }
    }
  });
}

TEST(GatedBlend, ATermMayBeTheTarget) {
  on_every_target([] {
    const at::Tensor target = normal({1, 4, 37}, 1), start = target.clone();
    const std::vector<float> weights = {2, -0.5F};
    const std::vector<at::Tensor> terms = {target, normal({1, 4, 37}, 2)};
    kernels::add_weighted_sum_(target, terms, {weights});
    expect_near(target, start * 3 - terms[1] * 0.5);
  });
}

TEST(GatedBlend, RefusesWhatDoesNotFit) {
  const at::Tensor target = normal({1, 4, 8}, 1), x = normal({1, 4, 8}, 2), gate = normal({8}, 3);
  const std::vector<float> one = {1};
  const auto run = [&](const at::Tensor& to, const at::Tensor& bias, const at::Tensor& by) {
    kernels::gated_add_weighted_sum_(to, {&x, 1}, {one}, bias, by);
  };
  EXPECT_NO_THROW(run(target, {}, gate));
  EXPECT_THROW(run(normal({1, 4, 7}, 1), {}, gate), c10::Error);
  EXPECT_THROW(run(target, {}, normal({7}, 3)), c10::Error);
  EXPECT_THROW(run(target, {}, gate.to(at::kBFloat16)), c10::Error);
  EXPECT_THROW(run(target, normal({7}, 3), gate), c10::Error);
  const std::vector<float> two = {1, 2};
  const at::Tensor cluster = at::arange(8, at::kLong);
  EXPECT_THROW(kernels::weighted_sum({&x, 1}, {two, cluster}), c10::Error);
}

}  // namespace
}  // namespace ditto::test
