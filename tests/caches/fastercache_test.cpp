// FasterCache: schedules of both parts, the forecast of attention and the estimate of the unconditional prediction.

#include "caches/fastercache.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full_like.h>
#include <c10/core/InferenceMode.h>

#include <gtest/gtest.h>

#include "caches/fastercache_settings.h"
#include "policy_patterns.h"
#include "scripted_model.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

constexpr const char* kBranchDelta = "prediction.branch_delta";
constexpr const char* kAttention = "blocks.0.self_attention";

/// Steps, counted from 1, with the letter.
std::vector<int> counted(const std::string& pattern, char letter) {
  std::vector<int> steps = steps_of(pattern, letter);
  for (int& step : steps) ++step;
  return steps;
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int k = 0; k < times; ++k) all += text;
  return all;
}

FasterCacheSettings settings_of(const std::string& specification, const std::string& model, int steps) {
  return fastercache_settings(parse_policy(specification).options, {model, ""}, steps, true);
}

TEST(FasterCache, FollowsThePublishedScheduleOfOpenSora) {
  const Topology topology = topology_of({{"spatial_attention", "cross_attention", "feed_forward"},
                                         {"temporal_attention", "cross_attention", "feed_forward"}},
                                        4, "OpenSora-STDiT-v3");
  const Patterns patterns("fastercache", topology, 30);
  EXPECT_EQ(counted(patterns.of(kBranchDelta, Branch::kUnconditional), 'F'),
            (std::vector{12, 13, 14, 16, 17, 18, 19, 21, 22, 23, 24, 26, 27, 28, 29}));
  const std::vector<int> even = {8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
  EXPECT_EQ(counted(patterns.of("blocks.0.spatial_attention"), 'F'), even);
  EXPECT_EQ(counted(patterns.of("blocks.3.temporal_attention"), 'F'), even);
  // Attention has been computed twice without the unconditional branch before steps 20 and 30: not too old yet.
  EXPECT_EQ(counted(patterns.of("blocks.0.spatial_attention", Branch::kUnconditional), 'F'),
            (std::vector{8, 10, 20, 30}));
  EXPECT_EQ(patterns.of("blocks.0.cross_attention"), "");
}

TEST(FasterCache, FollowsThePublishedScheduleOfLatte) {
  const Topology topology = topology_of({{"spatial_attention"}, {"temporal_attention"}}, 2, "Latte-1");
  const Patterns patterns("fastercache", topology, 50);
  const std::vector<int> skipped = counted(patterns.of(kBranchDelta, Branch::kUnconditional), 'F');
  EXPECT_EQ(skipped.size(), 26U);
  EXPECT_EQ(skipped.front(), 18);
  EXPECT_EQ(counted(patterns.of("blocks.0.spatial_attention"), 'F').front(), 16);
}

TEST(FasterCache, FollowsThePublishedScheduleOfCogVideoX) {
  const Topology topology = topology_of({{"self_attention", "feed_forward"}}, 2, "CogVideoX-2b");
  const Patterns attention("fastercache:parts=attention", topology, 50);
  EXPECT_EQ(counted(attention.of(kAttention), 'F').size(), 22U);
  EXPECT_EQ(attention.of(kAttention), attention.of(kAttention, Branch::kUnconditional));
  const Patterns guidance("fastercache:parts=guidance", topology, 50);
  EXPECT_EQ(counted(guidance.of(kBranchDelta, Branch::kUnconditional), 'F').size(), 26U);
  EXPECT_EQ(guidance.of(kAttention), "");
  // Step 25 runs both branches when attention has been computed three times without the unconditional one.
  EXPECT_EQ(Patterns("fastercache", topology, 50).of(kAttention)[24], 'C');
}

TEST(FasterCache, GivesUnlistedModelsAScheduleThatScales) {
  const Patterns patterns("fastercache", plain_topology(), 30);
  EXPECT_EQ(patterns.of(kBranchDelta, Branch::kUnconditional), "CCCCCCCCCC" + repeated("FFFFC", 4));
  EXPECT_EQ(patterns.of(kAttention), "CCCCCCCCCR" + repeated("CF", 10));
  EXPECT_EQ(patterns.of(kAttention, Branch::kUnconditional),
            "CCCCCCCCCR"
            "----C----F----C----F");
  EXPECT_EQ(patterns.of(kBranchDelta), "------------------------------");
}

TEST(FasterCache, UsesPublishedSettingsAtTheirNumberOfStepsOnly) {
  const Patterns listed("fastercache", plain_topology(2, "Latte-1"), 20), unlisted("fastercache", plain_topology(), 20);
  for (const Branch branch : kTwoBranches) EXPECT_EQ(listed.of(kAttention, branch), unlisted.of(kAttention, branch));
  EXPECT_EQ(listed.of(kBranchDelta, Branch::kUnconditional), unlisted.of(kBranchDelta, Branch::kUnconditional));
}

TEST(FasterCache, ComputesAttentionOfBothBranchesWhenTheUnconditionalFeaturesAreTooOld) {
  // Both branches run at steps 17 and 25 after four computations without the unconditional one, at 29 after two.
  const Patterns patterns("fastercache:guidance_interval=8", plain_topology(), 30);
  EXPECT_EQ(patterns.of(kBranchDelta, Branch::kUnconditional),
            "CCCCCCCCC"
            "C"
            "FFFFFFFCFFFFFFFCFFFC");
  EXPECT_EQ(patterns.of(kAttention),
            "CCCCCCCCCR"
            "CFCFCFCCCFCFCFCCCFCF");
  EXPECT_EQ(patterns.of(kAttention, Branch::kUnconditional),
            "CCCCCCCCCR"
            "-------C-------C---F");
}

TEST(FasterCache, OptionsShiftTheSchedules) {
  const Patterns patterns("fastercache:attention_first=4,attention_interval=3,guidance_first=2,guidance_interval=2",
                          plain_topology(), 12);
  EXPECT_EQ(patterns.of(kBranchDelta, Branch::kUnconditional), "CCFCFCFCFCFC");
  EXPECT_EQ(patterns.of(kAttention), "CCCCRFCFFCFF");
}

TEST(FasterCache, WeightOfTheForecastIsPublishedGivenOrRising) {
  const AttentionForecast open_sora = settings_of("fastercache", "OpenSora-STDiT-v3", 30).attention;
  EXPECT_NEAR(open_sora.weight(7), 0.045, tolerance::kClosedForm);
  EXPECT_NEAR(open_sora.weight(26), 0.9, tolerance::kClosedForm);
  const AttentionForecast mochi = settings_of("fastercache", "mochi-1-preview", 64).attention;
  EXPECT_NEAR(mochi.weight(20), 0.5, tolerance::kClosedForm);
  EXPECT_NEAR(mochi.weight(42), 42.0 / 63, tolerance::kClosedForm);
  const AttentionForecast rising = settings_of("fastercache", "unlisted", 30).attention;
  EXPECT_EQ(rising.weight(9), 0);
  EXPECT_NEAR(rising.weight(19), 0.5, tolerance::kClosedForm);
  EXPECT_NEAR(rising.weight(29), 1, tolerance::kClosedForm);
  EXPECT_EQ(settings_of("fastercache:attention_first=3", "unlisted", 30).attention.weight(3), 0);
  EXPECT_EQ(settings_of("fastercache:attention_weight=0.3", "OpenSora-STDiT-v3", 30).attention.weight(7), 0.3);
}

void expect_weights(const std::vector<float>& weights, double low, double high) {
  ASSERT_EQ(weights.size(), 2U);
  EXPECT_NEAR(weights[0], low, tolerance::kClosedForm);
  EXPECT_NEAR(weights[1], high, tolerance::kClosedForm);
}

TEST(FasterCache, CompoundsTheFactorsOfTheBandsInTheirRanges) {
  const GuidanceReuse open_sora = settings_of("fastercache", "OpenSora-STDiT-v3", 30).guidance;
  expect_weights(open_sora.weights(10, 11), 1.15, 1);
  expect_weights(open_sora.weights(10, 13), std::pow(1.15, 3), 1);
  expect_weights(open_sora.weights(19, 20), 1.15, 1.15);
  expect_weights(open_sora.weights(24, 28), 1, std::pow(1.15, 4));
  const GuidanceReuse unlisted = settings_of("fastercache", "unlisted", 30).guidance;
  expect_weights(unlisted.weights(14, 18), 1.4641, 1.1);  // the high band's range begins at step 18
  expect_weights(unlisted.weights(19, 25), std::pow(1.1, 4), std::pow(1.1, 6));  // the low band's ends at 24
}

TEST(FasterCache, AppliesTheFactorsOnceInThePapersMode) {
  const GuidanceReuse paper = settings_of("fastercache:weight_mode=paper", "unlisted", 30).guidance;
  expect_weights(paper.weights(9, 13), 1.2, 1);
  expect_weights(paper.weights(14, 15), 1, 1.2);
  const GuidanceReuse given =
      settings_of("fastercache:weight_mode=paper,low_factor=1.5,high_factor=3,low_until=20,high_from=10", "unlisted",
                  30)
          .guidance;
  expect_weights(given.weights(9, 12), 1.5, 3);
}

/// Guided predictions minus latents, by step: what the units of the toy model add, whatever the latent is.
std::vector<at::Tensor> added(const ToyModel& model, const std::vector<std::string>& policies, Trace* trace = nullptr) {
  std::vector<at::Tensor> sums;
  GenerateOptions options;
  options.on_prediction = [&](const StepInfo&, const at::Tensor& latent, const at::Tensor& prediction) {
    sums.push_back(prediction - latent);
  };
  const Result result = run_toy(model, toy_request(12), policies, options);
  if (trace != nullptr) *trace = result.trace;
  return sums;
}

TEST(FasterCache, ForecastsALineExactlyFromAnchorsTwoStepsApart) {
  const ToyModel model({.feature = ToyFeature::kLinear});
  Trace trace;
  const std::vector<at::Tensor> full = added(model, {}),
                                forecast =
                                    added(model, {"fastercache:parts=attention,attention_first=3,attention_weight=0.5"},
                                          &trace);
  ASSERT_EQ(trace.pattern(kAttention, Branch::kUnconditional), "CCCFCFCFCFCF");
  // At step 3 the anchors are neighbours and half their difference is too little.
  EXPECT_GT(largest_difference(forecast[3], full[3]), 0.01);
  for (const std::size_t step : {5, 7, 9, 11}) {
    EXPECT_LE(largest_difference(forecast[step], full[step]),
              tolerance::kUnitFloat32 * full[step].abs().max().item<double>())
        << step;
  }
}

TEST(FasterCache, OfWeightZeroReuses) {
  const ToyModel model;
  const Result result = run_toy(model, toy_request(), {"fastercache:parts=attention,attention_weight=0"});
  EXPECT_EQ(result.trace.pattern(kAttention, Branch::kConditional), "CCCRCRCRCR");
}

/// A scripted run of two branches that differ by `difference(step)`; returns the unconditional predictions.
std::vector<double> unconditional(const std::string& policy, const std::function<double(int)>& difference, int steps) {
  const c10::InferenceMode inference;
  Script script;
  script.output = [&](int, int step, int branch, const at::Tensor& hidden) {
    return at::full_like(hidden, step + (branch == 0 ? 0 : difference(step)));
  };
  const ScriptedModel model(script);
  const std::unique_ptr<CachePolicy> object = factory_of({policy})();
  Denoiser denoiser(model, *object, kTwoBranches, {}, even_schedule(steps), {1, 1, 1, 1, 1});
  std::vector<double> predictions;
  for (int step = 0; step < steps; ++step) {
    predictions.push_back(denoiser.predict(latent_of({0}), step)[1].item<double>());
  }
  return predictions;
}

TEST(FasterCache, EstimatesTheUnconditionalPredictionFromTheConditionalOne) {
  const std::string policy =
      "fastercache:parts=guidance,guidance_first=2,guidance_interval=4,high_factor=1,low_factor=";
  const std::vector<double> constant = unconditional(
      policy + "1", [](int) { return 7.0; }, 8);
  for (int step = 0; step < 8; ++step) {
    EXPECT_NEAR(constant[static_cast<std::size_t>(step)], step + 7.0, tolerance::kUnitFloat32);
  }
  // One pixel is all low frequency: the factor compounds until both branches run again, at steps 5 and 7.
  const std::vector<double> strengthened = unconditional(
      policy + "1.1,low_until=8", [](int) { return 10.0; }, 8);
  const std::vector<double> expected = {10, 11, 2 + 11, 3 + 12.1, 4 + 13.31, 15, 6 + 11, 17};
  for (std::size_t step = 0; step < expected.size(); ++step) {
    EXPECT_NEAR(strengthened[step], expected[step], tolerance::kUnitFloat32) << step;
  }
}

TEST(FasterCache, WithoutUnconditionalBranchForecastsAttentionOnly) {
  const Patterns single("fastercache", plain_topology(), 30, {Branch::kConditional});
  EXPECT_EQ(single.of(kAttention), "CCCCCCCCCR" + repeated("CF", 10));
  Topology distilled = plain_topology();
  distilled.guidance_distilled = true;
  EXPECT_EQ(Patterns("fastercache", distilled, 30, {Branch::kConditional}).of(kAttention), single.of(kAttention));
  for (const Site& site : single.plan().sites) EXPECT_EQ(site.scope, Scope::kUnits);
}

TEST(FasterCache, SwitchedOffOrWithoutRoomHasTheBitsOfNoPolicy) {
  const ToyModel model;
  const at::Tensor full = run_toy(model, toy_request(), {}).latents;
  const Result disabled = run_toy(model, toy_request(), {"fastercache:attention_interval=1,guidance_interval=1"});
  EXPECT_TRUE(disabled.trace.events.empty());
  EXPECT_TRUE(same_bits(disabled.latents, full));
  GenerateOptions options;
  options.engine.max_cache_bytes = 0;
  EXPECT_TRUE(same_bits(run_toy(model, toy_request(), {"fastercache"}, options).latents, full));
}

TEST(FasterCache, RefusesOptionsWithoutEffect) {
  const Topology topology = plain_topology();
  const std::vector<Branch> one = {Branch::kConditional};
  expect_refusal(refusal_of("fastercache:parts=guidance", topology, 10, one),
                 "--cache: fastercache:parts: the run has no unconditional branch to leave out; accepted: attention");
  expect_refusal(
      refusal_of("fastercache:low_factor=1.2", topology, 10, one),
      "fastercache:low_factor: has no effect in a run without unconditional branch; accepted: leaving it out");
  expect_refusal(refusal_of("fastercache:parts=attention,guidance_first=3", topology, 10),
                 "fastercache:guidance_first: has no effect with parts=attention");
  expect_refusal(refusal_of("fastercache:parts=attention,weight_mode=paper", topology, 10),
                 "fastercache:weight_mode: has no effect with parts=attention");
  expect_refusal(refusal_of("fastercache:parts=guidance,attention_weight=0.5", topology, 10),
                 "fastercache:attention_weight: has no effect with parts=guidance");
  EXPECT_EQ(refusal_of("fastercache:attention_interval=1,guidance_interval=1", topology, 10, one), "");
}

TEST(FasterCache, RefusesModelsWithoutSelfAttention) {
  expect_refusal(refusal_of("fastercache", topology_of({{"feed_forward"}}, 2), 10),
                 "fastercache:parts: the model has no self-attention units to forecast; accepted: guidance");
}

}  // namespace
}  // namespace ditto::test
