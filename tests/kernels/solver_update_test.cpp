// Guidance and the solvers' updates: the compiled form against the unfused meaning, and against the same in fp64.

#include "kernels/solver_update.h"

#include <limits>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

#include "cpu_targets.h"
#include "kernel_support.h"

namespace ditto::test {
namespace {

using kernels::UniPcHistory;
using kernels::UniPcUpdate;
using kernels::UniPcWeights;
using kernels::Velocity;

constexpr double kSigma = 0.71, kGuidance = 3.3;
constexpr std::int64_t kWidths[] = {1, 7, 16, 33, 130};
constexpr UniPcWeights kCorrector = {0.9, 0.3, -0.1, -0.1}, kPredictor = {0.8, 0.35, -0.15, 0};
constexpr UniPcWeights kFirstCorrector = {0.9, 0.05, 0, 0.05}, kFirstPredictor = {0.8, 0.2, 0, 0};

/// Everything that a step may read, in a layout.
struct Operands {
  Guarded conditional, unconditional, latent, start, current, previous;

  Operands(std::int64_t width, at::ScalarType dtype, Layout layout, at::ScalarType latent_dtype = at::kFloat)
      : conditional(normal({1, 2, 3, width}, 1, dtype), layout),
        unconditional(normal({1, 2, 3, width}, 2, dtype), layout),
        latent(normal({1, 2, 3, width}, 3, latent_dtype), layout),
        start(normal({1, 2, 3, width}, 4), layout),
        current(normal({1, 2, 3, width}, 5), layout),
        previous(normal({1, 2, 3, width}, 6), layout) {}

  Velocity velocity(bool guides) const {
    if (!guides) return conditional.view();
    return {conditional.view(), unconditional.view(), kGuidance};
  }
  UniPcHistory history() const { return {start.view(), current.view(), previous.view()}; }
  bool untouched() const {
    return conditional.untouched() && unconditional.untouched() && latent.untouched() && start.untouched() &&
           current.untouched() && previous.untouched();
  }
};

/// A step with or without two branches, corrector and terms of second order.
struct Step {
  bool guides, corrects, second_order;

  UniPcUpdate run(const Operands& o, KernelMode mode) const {
    const std::optional<UniPcWeights> corrector =
        corrects ? std::optional(second_order ? kCorrector : kFirstCorrector) : std::nullopt;
    UniPcHistory history = o.history();
    if (!second_order) history.previous.reset();
    if (!corrects) history.latent.reset();
    if (!corrects && !second_order) history.current.reset();
    return kernels::unipc_update(o.velocity(guides), kSigma, o.latent.view(), history, corrector,
                                 second_order ? kPredictor : kFirstPredictor, mode);
  }
};

std::vector<Step> all_steps() {
  std::vector<Step> steps;
  for (const bool guides : {false, true}) {
    for (const bool corrects : {false, true}) {
      for (const bool second_order : {false, true}) steps.push_back({guides, corrects, second_order});
    }
  }
  return steps;
}

/// Equal bits: what is rounded to the dtype of the predictions leaves no room for another last bit.
void expect_equal(const at::Tensor& actual, const at::Tensor& expected) {
  ASSERT_EQ(actual.scalar_type(), expected.scalar_type());
  EXPECT_TRUE(at::equal(actual, expected));
}

TEST(EulerUpdate, EqualsItsMeaningBitByBit) {
  on_every_target([] {
    for (const at::ScalarType dtype : kDtypes) {
      for (const at::ScalarType latent_dtype : {at::kFloat, dtype, at::kHalf}) {
        for (const Layout layout : kLayouts) {
          for (const std::int64_t width : kWidths) {
            for (const bool guides : {false, true}) {
              SCOPED_TRACE(described(dtype, layout, width, guides));
              const Operands o(width, dtype, layout, latent_dtype);
              const auto run = [&](KernelMode mode) {
                return kernels::euler_update(o.velocity(guides), -0.0371, o.latent.view(), mode);
              };
              expect_equal(run(KernelMode::kAuto), run(KernelMode::kReference));
              EXPECT_TRUE(o.untouched());
            }
          }
        }
      }
    }
  });
}

TEST(UniPcUpdate, EqualsItsMeaning) {
  on_every_target([] {
    for (const at::ScalarType dtype : kDtypes) {
      for (const Layout layout : kLayouts) {
        for (const std::int64_t width : kWidths) {
          for (const Step& step : all_steps()) {
            SCOPED_TRACE(described(dtype, layout, width, step.guides, step.corrects, step.second_order));
            const Operands o(width, dtype, layout);
            const UniPcUpdate fused = step.run(o, KernelMode::kAuto), meaning = step.run(o, KernelMode::kReference);
            expect_equal(fused.history.current, meaning.history.current);
            expect_near(fused.history.latent, meaning.history.latent);
            expect_near(fused.latent, meaning.latent);
            EXPECT_TRUE(o.untouched());
          }
        }
      }
    }
  });
}

TEST(UniPcUpdate, IsTheStatedSum) {
  const Operands o(33, at::kFloat, Layout::kPlain);
  const auto exact = [](const Guarded& operand) { return operand.view().to(at::kDouble); };
  const at::Tensor u = exact(o.unconditional), velocity = u + kGuidance * (exact(o.conditional) - u);
  const at::Tensor fresh = exact(o.latent) - kSigma * velocity;
  const at::Tensor start = exact(o.start) * kCorrector.latent + exact(o.current) * kCorrector.current +
                           exact(o.previous) * kCorrector.previous + fresh * kCorrector.fresh;
  const at::Tensor next =
      start * kPredictor.latent + fresh * kPredictor.current + exact(o.current) * kPredictor.previous;
  for (const KernelMode mode : {KernelMode::kAuto, KernelMode::kReference}) {
    const UniPcUpdate update = Step{true, true, true}.run(o, mode);
    expect_near(update.history.current, fresh.to(at::kFloat));
    expect_near(update.history.latent, start.to(at::kFloat));
    expect_near(update.latent, next.to(at::kFloat));
    EXPECT_TRUE(update.history.previous.is_same(o.history().current) ||
                at::equal(update.history.previous, o.current.view()));
    expect_near(kernels::guided(o.velocity(true)), velocity.to(at::kFloat));
  }
}

TEST(UniPcUpdate, KeepsNothingOfTheCaller) {
  const Operands o(33, at::kFloat, Layout::kPlain);
  for (const KernelMode mode : {KernelMode::kAuto, KernelMode::kReference}) {
    const UniPcUpdate update = Step{false, false, false}.run(o, mode);
    const at::Tensor start = update.history.latent.clone();
    const at::Tensor latent = o.latent.view();
    latent.add_(1);
    EXPECT_TRUE(at::equal(update.history.latent, start));
    latent.sub_(1);
  }
}

TEST(SolverUpdates, NanStaysInItsElement) {
  on_every_target([] {
    for (const at::ScalarType dtype : kDtypes) {
      for (const KernelMode mode : {KernelMode::kAuto, KernelMode::kReference}) {
        const Operands o(33, dtype, Layout::kPlain);
        o.unconditional.view()[0][1][2][31] = std::numeric_limits<float>::quiet_NaN();
        const UniPcUpdate update = Step{true, true, true}.run(o, mode);
        const at::Tensor euler = kernels::euler_update(o.velocity(true), 0.1, o.latent.view(), mode);
        for (const at::Tensor& result : {update.latent, update.history.latent, update.history.current, euler}) {
          EXPECT_TRUE(at::isnan(result[0][1][2][31]).item<bool>());
          EXPECT_EQ(at::isnan(result).sum().item<std::int64_t>(), 1);
        }
      }
    }
  });
}

TEST(SolverUpdates, DoNotReadWhatHasNoWeight) {
  on_every_target([] {
    const Operands o(33, at::kFloat, Layout::kPlain);
    for (const Guarded* unread : {&o.start, &o.current, &o.previous}) {
      unread->view().fill_(std::numeric_limits<float>::quiet_NaN());
    }
    for (const KernelMode mode : {KernelMode::kAuto, KernelMode::kReference}) {
      const UniPcUpdate update = kernels::unipc_update(o.velocity(true), kSigma, o.latent.view(), o.history(),
                                                       std::nullopt, kFirstPredictor, mode);
      EXPECT_FALSE(at::isnan(update.latent).any().item<bool>());
    }
  });
}

TEST(SolverUpdates, RefuseWhatDoesNotFit) {
  const at::Tensor x = normal({1, 4}, 1), wide = normal({1, 5}, 2);
  const auto euler = [&](const Velocity& velocity, const at::Tensor& latent) {
    kernels::euler_update(velocity, 0.1, latent, KernelMode::kAuto);
  };
  EXPECT_NO_THROW(euler({x, x, 2}, x));
  EXPECT_THROW(euler(wide, x), c10::Error);
  EXPECT_THROW(euler({x, wide, 2}, x), c10::Error);
  EXPECT_THROW(euler({x, x.to(at::kBFloat16), 2}, x), c10::Error);
  const auto unipc = [&](const UniPcHistory& history) {
    kernels::unipc_update(x, kSigma, x, history, kCorrector, kPredictor, KernelMode::kAuto);
  };
  EXPECT_NO_THROW(unipc({x, x, x}));
  EXPECT_THROW(unipc({x, x, {}}), c10::Error);
  EXPECT_THROW(unipc({x, wide, x}), c10::Error);
}

}  // namespace
}  // namespace ditto::test
