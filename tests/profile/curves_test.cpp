// The curves of a profile on models whose features are known in closed form.

#include <cmath>

#include <ATen/ops/allclose.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "kernel_spy.h"
#include "models/toy/toy_model.h"
#include "profile_support.h"
#include "tolerances.h"
#include "toy_support.h"

namespace ditto::test {
namespace {

constexpr int kSteps = 6;

double gate(int step) { return ToyModel::gate_of(step); }

TEST(ProfileCurves, AConstantStackChangesWithItsGate) {
  const ToyModel model({.feature = ToyFeature::kConstant});
  const Profile profile = profile_of(model, toy_request(kSteps));
  const at::Tensor& ratio = profile.array("residual_ratio");
  ASSERT_EQ(ratio.sizes(), (at::IntArrayRef{2, kSteps}));
  for (int branch = 0; branch < 2; ++branch) {
    EXPECT_EQ(number(ratio, {branch, 0}), 1.0);
    EXPECT_TRUE(std::isnan(number(profile.array("stack_change"), {branch, 0})));
    for (int step = 1; step < kSteps; ++step) {
      const double expected = gate(step) / gate(step - 1);
      EXPECT_NEAR(number(ratio, {branch, step}), expected, 1e-5);
      EXPECT_NEAR(number(profile.array("stack_change"), {branch, step}), expected - 1, 1e-5);
      for (int block = 0; block < 3; ++block) {
        EXPECT_NEAR(number(profile.array("block_delta_change"), {branch, block, step}), expected - 1, 1e-5);
      }
    }
  }
}

TEST(ProfileCurves, IndicatorsFollowTheNoiseLevel) {
  const ToyModel model({.feature = ToyFeature::kConstant});
  const Profile profile = profile_of(model, toy_request(kSteps));
  std::vector<double> sigmas;
  const Result run = run_toy(model, toy_request(kSteps), {});
  for (int step = 1; step < kSteps; ++step) {
    const double now = run.trace.run.grid.sigmas[step], before = run.trace.run.grid.sigmas[step - 1];
    for (int branch = 0; branch < 2; ++branch) {
      EXPECT_NEAR(number(profile.array("indicator.emb"), {branch, step}), (before - now) / (1 + before), 1e-6);
      EXPECT_NEAR(number(profile.array("indicator.emb_proj"), {branch, step}), 2 * (before - now) / (1 + 2 * before),
                  1e-6);
    }
  }
}

/// One token of two channels; block b of three adds 10^b * the step's number; the latent is not looked at.
Script scripted_blocks(const std::vector<float>& numbers) {
  Script script;
  script.blocks = 3;
  script.embedded = [](int, int, const at::Tensor&) { return row_of({1, -1}); };
  script.output = [numbers](int unit, int step, int, const at::Tensor&) {
    const auto scale = static_cast<float>(std::pow(10.0, unit)) * numbers[static_cast<std::size_t>(step)];
    return row_of({scale, -scale});
  };
  return script;
}

TEST(ProfileCurves, BlockOutputsAreComparedWithTheStepBefore) {
  const ScriptedVideoModel model(scripted_blocks({1, 2, 2, 1}), 2);
  Request request;
  request.steps = 4;
  const Profile profile = profile_of(model, request);
  // States after the blocks: 2, 12, 112 and 3, 23, 223, per channel up to the sign.
  const std::vector<double> states = {2, 12, 112}, later = {3, 23, 223};
  for (int block = 0; block < 3; ++block) {
    const double before = states[static_cast<std::size_t>(block)], now = later[static_cast<std::size_t>(block)];
    EXPECT_NEAR(number(profile.array("block_change"), {0, block, 1}), (now - before) / before, 1e-6);
    EXPECT_EQ(number(profile.array("block_change"), {0, block, 2}), 0);
    EXPECT_NEAR(number(profile.array("block_change"), {0, block, 3}), (now - before) / now, 1e-6);
    EXPECT_NEAR(number(profile.array("block_delta_change"), {0, block, 1}), 1.0, 1e-6);
    EXPECT_NEAR(number(profile.array("block_delta_change"), {0, block, 3}), 0.5, 1e-6);
  }
  EXPECT_NEAR(number(profile.array("output_change"), {0, 1}), (223.0 - 112.0) / 112.0, 1e-6);
  EXPECT_NEAR(number(profile.array("residual_ratio"), {0, 1}), 2.0, 1e-6);
  EXPECT_NEAR(number(profile.array("residual_ratio"), {0, 3}), 0.5, 1e-6);
}

TEST(ProfileCurves, AGeometricResidualHasAConstantRatio) {
  Script script = scripted_blocks({8, 4, 2, 1, 0.5F});
  const ScriptedVideoModel model(script, 2);
  Request request;
  request.steps = 5;
  const Profile profile = profile_of(model, request);
  for (int step = 1; step < 5; ++step) EXPECT_NEAR(number(profile.array("residual_ratio"), {0, step}), 0.5, 1e-6);
}

TEST(ProfileCurves, WhatComesFromNothingIsInfiniteAndNothingFromNothingIsNoChange) {
  Script script = scripted_blocks({0, 0, 1, 1});
  const ScriptedVideoModel model(script, 2);
  Request request;
  request.steps = 4;
  const Profile profile = profile_of(model, request);
  EXPECT_EQ(number(profile.array("residual_ratio"), {0, 1}), 1);
  EXPECT_EQ(number(profile.array("stack_change"), {0, 1}), 0);
  EXPECT_TRUE(std::isinf(number(profile.array("residual_ratio"), {0, 2})));
  EXPECT_TRUE(std::isinf(number(profile.array("stack_change"), {0, 2})));
}

TEST(ProfileCurves, MeasuringChangesNothing) {
  const ToyModel model;
  Request request = toy_request(kSteps);
  request.solver = "unipc";
  ProfileRecorder recorder(all_array_groups(), resolve(model, request).latent_sizes);
  GenerateOptions options;
  options.decode = false;
  const Result measured = generate(
      model, request, [&] { return recorder.policy(); }, options);
  EXPECT_TRUE(same_bits(measured.latents, run_toy(model, request, {}).latents));
  EXPECT_EQ(measured.counts.units_computed, measured.units_total);
}

TEST(ProfileCurves, AreMeasuredAlikeWithoutCompiledKernels) {
  const Request request = toy_request(kSteps);
  const KernelSpy spy;
  const Profile meaning = measure(ToyModel({.kernels = KernelMode::kReference}), request);
  EXPECT_EQ(spy.calls(), 0);
  const Profile fused = measure(ToyModel(), request);
  for (const auto& [name, array] : meaning.arrays) {
    EXPECT_TRUE(at::allclose(fused.arrays.at(name).to(at::kDouble), array.to(at::kDouble), tolerance::kUnitFloat32,
                             tolerance::kUnitFloat32,
                             /*equal_nan=*/true))
        << name;
  }
}

TEST(ProfileCurves, OnlyWhatIsAskedForIsMeasured) {
  const ToyModel model;
  const std::map<ArrayGroup, std::vector<std::string>> expected = {
      {ArrayGroup::kResidual, {"residual_ratio.by_prompt", "stack_change"}},
      {ArrayGroup::kBlocks, {"block_change", "block_delta_change"}},
      {ArrayGroup::kIndicators,
       {"indicator.emb.by_prompt", "indicator.emb_proj.by_prompt", "indicator.modulated.by_prompt",
        "output_change.by_prompt"}},
      {ArrayGroup::kAttention, {"foreground_attention.by_prompt", "foreground_mask"}},
      {ArrayGroup::kChannels, {"hyca.descriptors", "hyca.solver_error"}},
      {ArrayGroup::kGram, {"gram"}},
      {ArrayGroup::kStackGram, {"stack_delta_error", "stack_delta_gram", "stack_gram"}}};
  const Profile all = measure(model, toy_request(kSteps));
  for (const auto& [group, names] : expected) {
    const Profile part = measure(model, toy_request(kSteps), {group});
    std::vector<std::string> measured;
    for (const auto& [name, array] : part.arrays) {
      measured.push_back(name);
      EXPECT_TRUE(at::allclose(array, all.array(name), 0, 0, /*equal_nan=*/true)) << name;
    }
    EXPECT_EQ(measured, names) << array_group_name(group);
  }
}

TEST(ProfileCurves, LongClipsThatRunABranchAtATimeGiveTheSame) {
  const ToyModel model;
  const Request request = toy_request(kSteps);
  const Profile batched = measure(model, request);
  ProfileRecorder recorder(all_array_groups(), resolve(model, request).latent_sizes);
  GenerateOptions options;
  options.decode = false;
  options.engine.max_batched_tokens = 0;
  options.on_prediction = [&](const auto&... seen) { recorder.see_step(seen...); };
  const Result result = generate(
      model, request, [&] { return recorder.policy(); }, options);
  const Profile single = recorder.finish(result.latents);
  ASSERT_EQ(single.arrays.size(), batched.arrays.size());
  for (const auto& [name, array] : single.arrays) {
    EXPECT_TRUE(at::allclose(array, batched.array(name), 1e-5, 1e-7, /*equal_nan=*/true)) << name;
  }
}

TEST(ProfileGroups, UnknownNamesAreRefusedWithTheNearest) {
  EXPECT_EQ(array_group_from_name("--only", "gram"), ArrayGroup::kGram);
  try {
    array_group_from_name("--only", "edgs");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_STREQ(error.what(),
                 "--only: 'edgs' is not measured, did you mean 'edges'?; accepted: residual, blocks, indicators, "
                 "attention, channels, gram, stack_gram, edges");
  }
}

}  // namespace
}  // namespace ditto::test
