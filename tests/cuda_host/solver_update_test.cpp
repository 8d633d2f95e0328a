// The GPU's updates of the solvers against their unfused meaning.

#include <array>
#include <limits>
#include <optional>

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include "cuda_host/cuda_support.h"
#include "kernels/reference/reference.h"

namespace ditto::test {
namespace {

using kernels::UniPcHistory;
using kernels::UniPcWeights;
using kernels::Velocity;

/// A number of every dtype: the meaning on the CPU, unlike that on a GPU, rounds the factor.
constexpr double kFactor = -0.625;
constexpr double kGuidance = 3.3;
constexpr UniPcWeights kCorrector = {0.9, 0.3, -0.1, -0.1}, kPredictor = {0.8, 0.35, -0.15, 0};
/// Arrays have no gaps.
constexpr Layout kFlatLayouts[] = {Layout::kPlain, Layout::kMisaligned};

struct Operands {
  Guarded conditional, unconditional, latent, start, current, previous;

  Operands(std::int64_t count, at::ScalarType dtype, Layout layout, at::ScalarType latent_dtype = at::kFloat)
      : conditional(normal({count}, 1, dtype), layout),
        unconditional(normal({count}, 2, dtype), layout),
        latent(normal({count}, 3, latent_dtype), layout),
        start(normal({count}, 4), layout),
        current(normal({count}, 5), layout),
        previous(normal({count}, 6), layout) {}

  Velocity velocity(bool guides) const {
    if (!guides) return conditional.view();
    return {conditional.view(), unconditional.view(), kGuidance};
  }
  kernels::VelocityArguments arguments(bool guides) const {
    return {type_of(conditional.view()), conditional.view().const_data_ptr(),
            guides ? unconditional.view().const_data_ptr() : nullptr, static_cast<float>(kGuidance),
            static_cast<float>(kFactor)};
  }
  bool untouched() const {
    return conditional.untouched() && unconditional.untouched() && latent.untouched() && start.untouched() &&
           current.untouched() && previous.untouched();
  }
};

at::Tensor euler(const Operands& o, bool guides, Layout layout) {
  return same_in_every_order([&] {
    const Guarded out(at::zeros_like(o.conditional.view()), layout);
    const at::Tensor latent = o.latent.view();
    const kernels::EulerArguments arguments{o.arguments(guides),
                                            latent.scalar_type() != o.conditional.view().scalar_type(),
                                            latent.const_data_ptr(), out.view().mutable_data_ptr()};
    EXPECT_EQ(cuda_on_host().euler_update(arguments, latent.numel(), nullptr), 0);
    EXPECT_TRUE(out.guards_intact());
    return out.view().clone();
  });
}

/// Data prediction, corrected latent and the next one, one after the other.
at::Tensor unipc(const Operands& o, bool guides, bool corrects, Layout layout) {
  return same_in_every_order([&] {
    const at::Tensor empty = at::zeros_like(o.latent.view());
    const std::array<Guarded, 3> out = {Guarded(empty, layout), Guarded(empty, layout), Guarded(empty, layout)};
    const auto data = [](const Guarded& operand) { return operand.view().const_data_ptr<float>(); };
    const auto written = [&](std::size_t k) { return out[k].view().mutable_data_ptr<float>(); };
    kernels::UniPcArguments arguments{o.arguments(guides),
                                      data(o.latent),
                                      corrects ? data(o.start) : nullptr,
                                      data(o.current),
                                      corrects ? data(o.previous) : nullptr,
                                      {static_cast<float>(kCorrector.latent), static_cast<float>(kCorrector.current),
                                       static_cast<float>(kCorrector.fresh), static_cast<float>(kCorrector.previous)},
                                      {static_cast<float>(kPredictor.latent), static_cast<float>(kPredictor.current),
                                       static_cast<float>(kPredictor.previous)},
                                      written(0),
                                      written(1),
                                      written(2)};
    EXPECT_EQ(cuda_on_host().unipc_update(arguments, empty.numel(), nullptr), 0);
    for (const Guarded& each : out) EXPECT_TRUE(each.guards_intact());
    return at::stack({out[0].view(), out[1].view(), out[2].view()});
  });
}

TEST(CudaSolverUpdates, EqualTheirMeaning) {
  for (const at::ScalarType dtype : kDtypes) {
    for (const Layout layout : kFlatLayouts) {
      for (const std::int64_t count : {1, 7, 8, 33, 96, 4104}) {
        for (const bool guides : {false, true}) {
          SCOPED_TRACE(described(dtype, layout, count, guides));
          for (const at::ScalarType latent_dtype : {at::kFloat, dtype}) {
            const Operands o(count, dtype, layout, latent_dtype);
            EXPECT_TRUE(at::equal(euler(o, guides, layout),
                                  kernels::reference::euler_update(o.velocity(guides), kFactor, o.latent.view())));
            EXPECT_TRUE(o.untouched());
          }
          const Operands o(count, dtype, layout);
          for (const bool corrects : {false, true}) {
            const kernels::UniPcUpdate meaning = kernels::reference::unipc_update(
                o.velocity(guides), -kFactor, o.latent.view(), {o.start.view(), o.current.view(), o.previous.view()},
                corrects ? std::optional(kCorrector) : std::nullopt, kPredictor);
            expect_near(unipc(o, guides, corrects, layout),
                        at::stack({meaning.history.current, meaning.history.latent, meaning.latent}));
            EXPECT_TRUE(o.untouched());
          }
        }
      }
    }
  }
}

TEST(CudaSolverUpdates, NanStaysInItsElement) {
  for (const at::ScalarType dtype : kDtypes) {
    const Operands o(40, dtype, Layout::kPlain);
    o.unconditional.view()[9] = std::numeric_limits<float>::quiet_NaN();
    for (const at::Tensor& result : unipc(o, true, true, Layout::kPlain).unbind(0)) {
      EXPECT_TRUE(at::isnan(result[9]).item<bool>());
      EXPECT_EQ(at::isnan(result).sum().item<std::int64_t>(), 1);
    }
    EXPECT_EQ(at::isnan(euler(o, true, Layout::kPlain)).sum().item<std::int64_t>(), 1);
  }
}

}  // namespace
}  // namespace ditto::test
