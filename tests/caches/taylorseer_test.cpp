#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>

#include "caches/patterns.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

constexpr const char* kUnit = "blocks.0.feed_forward";

/// A unit whose output is `feature(step)`; the latent is 0.
EngineRun run_feature(const std::function<double(int)>& feature, const std::string& specification, int steps) {
  Script script;
  script.output = [feature](int, int step, int, const at::Tensor& hidden) {
    return at::full_like(hidden, feature(step));
  };
  return run_engine(ScriptedModel(script), specification, steps,
                    [](int, const EngineRun&) { return latent_of({0.0F}); });
}

/// Published sets of computed steps.
TEST(TaylorSeer, ComputesThePublishedSteps) {
  EXPECT_EQ(computed_steps("taylorseer:interval=6,first=3", 50, kUnit),
            (std::vector<int>{0, 1, 2, 8, 14, 20, 26, 32, 38, 44}));
  EXPECT_EQ(computed_steps("taylorseer:interval=5,first=1", 50, kUnit),
            (std::vector<int>{0, 5, 10, 15, 20, 25, 30, 35, 40, 45}));
  EXPECT_EQ(computed_steps("taylorseer:interval=4,first=3", 50, kUnit),
            (std::vector<int>{0, 1, 2, 6, 10, 14, 18, 22, 26, 30, 34, 38, 42, 46}));
  EXPECT_EQ(computed_steps("taylorseer:interval=6,first=1", 50, kUnit),
            (std::vector<int>{0, 6, 12, 18, 24, 30, 36, 42, 48}));
  EXPECT_EQ(computed_steps("taylorseer:interval=3,first=2", 8, kUnit), (std::vector<int>{0, 1, 4, 7}));
}

/// The published costs: first + floor((steps - first) / interval) computed steps.
TEST(TaylorSeer, ComputesThePublishedNumbersOfSteps) {
  const auto count = [](const std::string& options, int steps) {
    return computed_steps("taylorseer:" + options, steps, kUnit).size();
  };
  EXPECT_EQ(count("interval=3,first=3", 50), 18U);
  EXPECT_EQ(count("interval=5,first=3", 50), 12U);
  EXPECT_EQ(count("interval=7,first=3", 50), 9U);
  EXPECT_EQ(count("interval=8,first=3", 50), 8U);
  EXPECT_EQ(count("interval=2,first=1", 4), 2U);
  EXPECT_EQ(count("interval=2,first=2", 8), 5U);
}

/// The published variant at the whole prediction: 6 first, 2 last, every third in between.
TEST(TaylorSeer, AtThePredictionComputesThePublishedSteps) {
  const std::string lite = "taylorseer:site=prediction,order=1,interval=3,first=6,last=2";
  EXPECT_EQ(scripted_pattern(lite, 25, "prediction"), "CCCCCCFFCFFCFFCFFCFFCFFCC");
  EXPECT_EQ(computed_steps(lite, 30, "prediction").size(), 15U);
  EXPECT_EQ(computed_steps(lite, 50, "prediction").size(), 22U);
}

/// Published: features 1, 3, 5 at steps 0, 1, 2 forecast 7 and 9.
TEST(TaylorSeer, ForecastsLinesExactly) {
  const auto line = [](int step) { return 1.0 + 2 * step; };
  const EngineRun run = run_feature(line, "taylorseer:interval=3,first=3,order=1", 12);
  EXPECT_EQ(run.pattern(kUnit), "CCCFFCFFCFFC");
  for (int step = 0; step < 12; ++step) {
    EXPECT_NEAR(number(run.predictions[static_cast<std::size_t>(step)][0]), line(step), 1e-5) << step;
  }
}

/// Published: s^2 computed at 0, 1, 2, 8 with order 2.
TEST(TaylorSeer, ForecastsByBackwardDifferences) {
  const EngineRun run =
      run_feature([](int step) { return double(step) * step; }, "taylorseer:interval=6,first=3,order=2", 12);
  EXPECT_EQ(run.pattern(kUnit), "CCCFFFFFCFFF");
  EXPECT_NEAR(number(run.predictions[9][0]), 74.583333, 1e-4);
  EXPECT_NEAR(number(run.predictions[10][0]), 86.333333, 1e-4);
  EXPECT_NEAR(number(run.predictions[11][0]), 99.25, 1e-4);
  // Between steps 2 and 8 the recursion has seen one update only: order 1 whatever was asked for.
  EXPECT_EQ(run.events[3].weights.size(), 2U);
  EXPECT_EQ(run.events[9].weights.size(), 3U);
}

TEST(TaylorSeer, ReusesUntilASecondStepIsComputed) {
  EXPECT_EQ(scripted_pattern("taylorseer:interval=3,first=1,order=1", 9, kUnit), "CRRCFFCFF");
  EXPECT_EQ(scripted_pattern("taylorseer:interval=3,first=1,order=3", 9, kUnit), "CRRCFFCFF");
}

TEST(TaylorSeer, OfOrderZeroIsPlainReuse) {
  const ToyModel toy;
  const Result taylor = run_toy(toy, toy_request(12), {"taylorseer:order=0,interval=3,first=2"});
  const Result reuse = run_toy(toy, toy_request(12), {"interval:site=unit,interval=3,first=2"});
  EXPECT_TRUE(same_bits(taylor.latents, reuse.latents));
  EXPECT_EQ(taylor.trace.pattern("blocks.1.feed_forward", Branch::kUnconditional), "CCRRCRRCRRCR");
}

TEST(TaylorSeer, IsExactOnTheLinearToyAtUnits) {
  const ToyModel toy({.feature = ToyFeature::kLinear});
  const at::Tensor full = run_toy(toy, toy_request(12), {}).latents;
  const Result forecast = run_toy(toy, toy_request(12), {"taylorseer:interval=4,first=2,order=1"});
  EXPECT_EQ(forecast.trace.pattern("blocks.0.self_attention", Branch::kConditional), "CCFFFCFFFCFF");
  EXPECT_LE(largest_difference(forecast.latents, full), 1e-5);
  const Result reuse = run_toy(toy, toy_request(12), {"interval:site=unit,interval=4,first=2"});
  EXPECT_GT(largest_difference(reuse.latents, full), 1e-2);
}

/// The toy's noise levels are uneven, so the axes differ.
TEST(TaylorSeer, ForecastsAlongTheChosenAxis) {
  const ToyModel toy;
  const Result by_index = run_toy(toy, toy_request(8), {"taylorseer:interval=4,first=2,order=1"});
  const Result by_sigma = run_toy(toy, toy_request(8), {"taylorseer:interval=4,first=2,order=1,axis=sigma"});
  const std::vector<double>& sigmas = by_sigma.trace.run.grid.sigmas;
  const auto weights = [](const Result& result) {
    for (const TraceEvent& event : result.trace.events) {
      if (event.step == 3) return event.weights;
    }
    return std::vector<float>();
  };
  EXPECT_EQ(weights(by_index), (std::vector<float>{3, -2}));
  const double distance = (sigmas[3] - sigmas[1]) / (sigmas[1] - sigmas[0]);
  ASSERT_EQ(weights(by_sigma).size(), 2U);
  EXPECT_NEAR(weights(by_sigma)[0], 1 + distance, 1e-5);
  EXPECT_NEAR(weights(by_sigma)[1], -distance, 1e-5);
}

TEST(TaylorSeer, KeepsOneSnapshotMoreThanItsOrder) {
  const ToyModel toy;
  for (const int order : {0, 1, 4}) {
    const Result result = run_toy(toy, toy_request(2), {"taylorseer:order=" + std::to_string(order)});
    for (const Site& site : result.trace.run.sites) EXPECT_EQ(site.keep, order + 1);
  }
}

TEST(TaylorSeer, ComputesTheStepsOfDiffusers) {
  EXPECT_EQ(computed_steps("taylorseer:interval=5,schedule=diffusers", 25, kUnit),
            (std::vector<int>{0, 1, 2, 4, 9, 14, 19, 24}));
  EXPECT_EQ(computed_steps("taylorseer:interval=5,schedule=diffusers,last=3", 25, kUnit),
            (std::vector<int>{0, 1, 2, 4, 9, 14, 19, 22, 23, 24}));
  EXPECT_EQ(computed_steps("taylorseer:interval=5,schedule=diffusers,first=0", 8, kUnit), (std::vector<int>{0, 1, 6}))
      << "nothing to forecast from at step 0";
}

TEST(TaylorSeer, DiffusersRaisesTheOrderInTheWindow) {
  // Three squares at steps 0, 1, 2 determine order 2 at step 3: D = [4, 3, 2], 4 + 3 + 1.
  const EngineRun run =
      run_feature([](int step) { return double(step) * step; }, "taylorseer:interval=5,order=2,schedule=diffusers", 4);
  EXPECT_NEAR(number(run.predictions[3][0]), 8, tolerance::kClosedForm);
}

TEST(TaylorSeer, ForecastsAtEveryLevel) {
  const ToyModel model({.blocks = 2});
  const auto sites = [&](const std::string& level) {
    const auto policy = factory_of({"taylorseer:order=4,site=" + level})();
    return policy->plan(model.denoiser().topology(), even_schedule(10)).sites;
  };
  EXPECT_EQ(sites("unit").size(), 6U);
  EXPECT_EQ(sites("unit").front().form, FeatureForm::kOutput);
  ASSERT_EQ(sites("block").size(), 2U);
  EXPECT_EQ(sites("block")[1].name, "blocks.1");
  EXPECT_EQ(sites("block")[1].form, FeatureForm::kDelta);
  ASSERT_EQ(sites("stack").size(), 1U);
  EXPECT_EQ(sites("stack")[0].name, "blocks.0-1");
  EXPECT_EQ(sites("prediction")[0].scope, Scope::kPrediction);
  EXPECT_EQ(sites("prediction")[0].keep, 5);
}

TEST(TaylorSeer, OfIntervalOneIsFullCompute) { EXPECT_TRUE(is_full_compute("taylorseer:interval=1,first=0")); }

TEST(TaylorSeer, RefusesHighOrders) {
  EXPECT_EQ(refusal_of("taylorseer:order=5"),
            "--cache: taylorseer:order: '5' is not possible; accepted: an integer from 0 to 4");
}

}  // namespace
}  // namespace ditto::test
