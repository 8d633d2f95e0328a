// The foreground mask, and how much of the foreground blocks attend to.

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include "caches/profiling/foreground_mask.h"
#include "caches/profiling/received_attention.h"
#include "models/toy/toy_model.h"
#include "profile_support.h"
#include "tolerances.h"
#include "toy_support.h"

namespace ditto::test {
namespace {

/// [1, 3, frames, 8, 8]: a square of 4 x 4 at (row, column) = (2, frame) that differs in every channel.
at::Tensor moving_square(int frames, double inside) {
  at::Tensor prediction = at::zeros({1, 3, frames, 8, 8});
  for (int frame = 0; frame < frames; ++frame) {
    for (int channel = 0; channel < 3; ++channel) {
      prediction[0][channel][frame].narrow(0, 2, 4).narrow(1, frame, 4).fill_(inside * (channel - 0.5));
    }
  }
  return prediction;
}

std::string rows_of(const at::Tensor& frame) {
  std::string text;
  for (const at::Tensor& row : frame.unbind(0)) {
    for (const at::Tensor& cell : row.unbind(0)) text += cell.item<bool>() ? '#' : '.';
    text += ' ';
  }
  return text;
}

TEST(ForegroundMask, FindsTheObjectWhicheverSignItHas) {
  for (const double inside : {2.0, -2.0}) {
    const at::Tensor mask = foreground_mask(moving_square(3, inside), {1, 2, 2});
    ASSERT_EQ(mask.sizes(), (at::IntArrayRef{3, 4, 4}));
    EXPECT_EQ(rows_of(mask[0]), ".... ##.. ##.. .... ");
    EXPECT_EQ(rows_of(mask[2]), ".... .##. .##. .... ");
  }
}

TEST(ForegroundMask, IsNotMovedByNoise) {
  const at::Tensor noisy = moving_square(3, 2.0) + 0.05 * draw_noise(3, {1, 3, 3, 8, 8});
  EXPECT_TRUE(at::equal(foreground_mask(noisy, {1, 1, 1}), foreground_mask(moving_square(3, 2.0), {1, 1, 1})));
}

TEST(ForegroundMask, AMajorityRemovesSpecks) {
  at::Tensor prediction = moving_square(1, 2.0);
  for (int channel = 0; channel < 3; ++channel) prediction[0][channel][0][7][7] = 2.0 * (channel - 0.5);
  EXPECT_EQ(rows_of(foreground_mask(prediction, {1, 2, 2})[0]), ".... ##.. ##.. .... ");
}

TEST(ForegroundMask, FramesWithoutAnObjectAreEmpty) {
  at::Tensor prediction = moving_square(2, 2.0);
  prediction.select(2, 1).zero_();
  const at::Tensor mask = foreground_mask(prediction, {1, 2, 2});
  EXPECT_TRUE(mask[0].any().item<bool>());
  EXPECT_FALSE(mask[1].any().item<bool>());
}

TEST(OtsuThreshold, SeparatesTwoGroups) {
  const double threshold = otsu_threshold(at::tensor({0.0, 0.1, 0.12, 0.8, 0.9, 1.0}, at::kDouble));
  EXPECT_GT(threshold, 0.12);
  EXPECT_LT(threshold, 0.8);
}

TEST(ForegroundAttention, CountsForegroundTokensAboveTheAverage) {
  // Four tokens that receive .5, .25, .125, .125; the average is .25 and not above itself. The left half is foreground.
  Topology topology;
  topology.units = {{"blocks.0.self_attention", "self_attention", 0}};
  topology.patch = {1, 4, 4};
  RunInfo run;
  run.steps = 2;
  run.branches = {Branch::kConditional};
  ForegroundAttention attention({topology, run});
  at::Tensor prediction = at::zeros({1, 2, 1, 8, 8});
  prediction.narrow(4, 0, 4).narrow(3, 1, 6).fill_(1);  // touches less than half of the border
  for (int step = 0; step < 2; ++step) {
    const StepInfo info{step, 2, step, 2, 0, 0};
    const std::vector<float> received =
        step == 0 ? std::vector<float>{0.5F, 0.125F, 0.25F, 0.125F} : std::vector<float>{0.4F, 0.1F, 0.4F, 0.1F};
    BlockStates states;
    states.step = info;
    states.received_attention = at::tensor(received, at::kFloat).unsqueeze(0);
    attention.see_block(states);
    attention.see_step(info, prediction, prediction);
  }
  ArrayMap arrays;
  attention.finish({}, arrays);
  EXPECT_EQ(rows_of(arrays["foreground_mask"][0][0]), "#. #. ");
  ASSERT_EQ(arrays["foreground_attention.by_prompt"].sizes(), (at::IntArrayRef{1, 1, 2}));
  EXPECT_NEAR(number(arrays["foreground_attention.by_prompt"], {0, 0, 0}), 0.5, tolerance::kClosedForm);
  EXPECT_NEAR(number(arrays["foreground_attention.by_prompt"], {0, 0, 1}), 1.0, tolerance::kClosedForm);
}

TEST(ForegroundAttention, ARunWithoutForegroundIsNotCounted) {
  Request request = toy_request(5);
  request.noise = at::zeros({1, 4, 2, 2, 2});
  const ToyModel model({.feature = ToyFeature::kConstant});
  const Profile empty = measure(model, request, {ArrayGroup::kAttention});
  EXPECT_EQ(empty.array("foreground_attention.by_prompt").size(0), 0);
  EXPECT_FALSE(empty.array("foreground_mask").any().item<bool>());
  const Profile alone = combine({&empty, 1});
  EXPECT_TRUE(std::isnan(number(alone.array("foreground_attention"), {0})));

  request.noise = draw_noise(1, {1, 4, 2, 2, 2});
  const Profile full = measure(model, request, {ArrayGroup::kAttention});
  const std::vector<Profile> both = {empty, full};
  const Profile joined = combine(both);
  EXPECT_EQ(joined.prompts, 2);
  EXPECT_EQ(joined.array("foreground_mask").size(0), 2);
  EXPECT_TRUE(same_bits(joined.array("foreground_attention"), combine({&full, 1}).array("foreground_attention")));
}

TEST(ForegroundAttention, EveryBlockAndStepOfTheToyModelIsMeasured) {
  Request request = toy_request(10);
  request.width = request.height = 64;
  const Profile profile = profile_of(ToyModel(), request, {ArrayGroup::kAttention});
  ASSERT_EQ(profile.array("foreground_attention.by_step").sizes(), (at::IntArrayRef{3, 10}));
  const at::Tensor& by_step = profile.array("foreground_attention.by_step");
  EXPECT_TRUE((by_step >= 0).logical_and(by_step <= 1).all().item<bool>());
  // Steps from 6/50 of the run on.
  const at::Tensor expected = by_step.narrow(1, 1, 9).mean({1});
  EXPECT_TRUE(same_bits(profile.array("foreground_attention"), expected));
}

}  // namespace
}  // namespace ditto::test
