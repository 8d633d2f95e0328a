// Descriptors of channels and errors of the solvers that could forecast them.

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include "caches/profiling/channel_solvers.h"
#include "profile_support.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

TEST(ChannelSolvers, ErrorsOfLinearAndOscillatingChannels) {
  const at::Tensor steps = at::arange(8, at::kDouble);
  const at::Tensor oscillating = 1 - 2 * steps.remainder(2);
  // [steps, tokens, channels]
  const at::Tensor values = at::stack({3 + 2 * steps, oscillating}, 1).unsqueeze(1);
  const at::Tensor errors = solver_errors(values);
  ASSERT_EQ(errors.sizes(), (at::IntArrayRef{6, 2}));
  // A linear channel is met but by the damped solver, which misses two thirds of the slope, and by reuse.
  const double linear[] = {0, 0, 0, 16.0 / 9, 0, 4};
  const double alternating[] = {16, 36, 4, 64.0 / 9, 961.0 / 36, 4};
  for (int solver = 0; solver < 6; ++solver) {
    // The solvers' weights are in fp32.
    EXPECT_NEAR(number(errors, {solver, 0}), linear[solver], 1e-5);
    EXPECT_NEAR(number(errors, {solver, 1}), alternating[solver], 1e-5);
  }
}

TEST(ChannelDescriptors, ClosedForms) {
  const at::Tensor steps = at::arange(8, at::kDouble);
  const at::Tensor oscillating = 1 - 2 * steps.remainder(2);
  const at::Tensor values = at::stack({steps, 5 * oscillating}, 1).unsqueeze(1);
  const at::Tensor descriptors = channel_descriptors(values);
  ASSERT_EQ(descriptors.sizes(), (at::IntArrayRef{2, 6}));
  const double size = std::sqrt(140.0 / 8);  // of 0 .. 7
  EXPECT_NEAR(number(descriptors, {0, 0}), -std::log(size), tolerance::kClosedForm);
  EXPECT_NEAR(number(descriptors, {0, 1}), std::log(1e-12), 1e-3);
  EXPECT_NEAR(number(descriptors, {0, 2}), std::log(size), tolerance::kClosedForm);
  EXPECT_NEAR(number(descriptors, {0, 4}), std::log(1e-12), 1e-3);
  // Differences of an alternating sign double each time.
  EXPECT_NEAR(number(descriptors, {1, 0}), std::log(2.0), tolerance::kClosedForm);
  EXPECT_NEAR(number(descriptors, {1, 1}), std::log(4.0), tolerance::kClosedForm);
  EXPECT_NEAR(number(descriptors, {1, 2}), std::log(5.0), tolerance::kClosedForm);
  EXPECT_NEAR(number(descriptors, {1, 3}), std::log(2.0), tolerance::kClosedForm);
  EXPECT_NEAR(number(descriptors, {1, 4}), std::log(2.0), tolerance::kClosedForm);
  // All power at one frequency: no flatness.
  EXPECT_LT(number(descriptors, {1, 5}), 1e-6);
}

TEST(ChannelDescriptors, AnImpulseHasAFlatSpectrum) {
  at::Tensor values = at::zeros({8, 1, 1}, at::kDouble);
  values[0] = 1;
  EXPECT_NEAR(number(channel_descriptors(values), {0, 5}), 1, tolerance::kClosedForm);
}

/// Channel 0 of what the only block adds is linear in the step, channel 1 alternates.
Script linear_and_alternating() {
  Script script;
  script.embedded = [](int, int, const at::Tensor&) { return row_of({0, 0}); };
  script.output = [](int, int step, int, const at::Tensor&) {
    return row_of({static_cast<float>(step), step % 2 == 0 ? 1.0F : -1.0F});
  };
  return script;
}

TEST(ChannelMeasurement, LooksAtTheFirstEightStepsOfWhatABlockAdds) {
  const ScriptedVideoModel model(linear_and_alternating(), 2);
  Request request;
  request.steps = 12;
  const Profile profile = profile_of(model, request, {ArrayGroup::kChannels});
  ASSERT_EQ(profile.array("hyca.descriptors").sizes(), (at::IntArrayRef{1, 2, 6}));
  ASSERT_EQ(profile.array("hyca.solver_error").sizes(), (at::IntArrayRef{1, 6, 2}));
  EXPECT_NEAR(number(profile.array("hyca.descriptors"), {0, 0, 2}), std::log(std::sqrt(140.0 / 8)), 1e-6);
  EXPECT_NEAR(number(profile.array("hyca.solver_error"), {0, 0, 1}), 16, 1e-6);
  EXPECT_NEAR(number(profile.array("hyca.solver_error"), {0, 2, 1}), 4, 1e-6);
}

TEST(ChannelMeasurement, TooShortARunHasNone) {
  const ScriptedVideoModel model(linear_and_alternating(), 2);
  Request request;
  request.steps = 3;
  EXPECT_TRUE(measure(model, request, {ArrayGroup::kChannels}).arrays.empty());
  request.steps = 4;
  EXPECT_EQ(measure(model, request, {ArrayGroup::kChannels}).arrays.size(), 2U);
}

}  // namespace
}  // namespace ditto::test
