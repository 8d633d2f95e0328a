#include <ATen/TensorOperators.h>

#include <gtest/gtest.h>

#include "caches/patterns.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

/// Predicts `factor * latent`; the unconditional branch a tenth of the latent more.
ScriptedModel proportional_model(double factor) {
  Script script;
  script.output = [factor](int, int, int branch, const at::Tensor& hidden) {
    return hidden * (factor - 1 + 0.1 * branch);
  };
  return ScriptedModel(std::move(script));
}

/// Steps of -0.1 times the conditional prediction, from `start`.
LatentAt descending_from(double start) {
  return [latent = latent_of({static_cast<float>(start)})](int step, const EngineRun& so_far) mutable {
    if (step > 0) latent = latent - 0.1 * so_far.predictions.back()[0];
    return latent;
  };
}

std::vector<double> scores(const EngineRun& run, const std::vector<int>& steps) {
  std::vector<double> found;
  for (const TraceEvent& event : run.events) {
    if (event.branch == Branch::kConditional && std::ranges::find(steps, event.step) != steps.end()) {
      found.push_back(event.score.value_or(-1));
    }
  }
  return found;
}

/// Published vector: v = 0.5 x, x += -0.1 v, 12 steps, 3 first, threshold 0.15.
TEST(EasyCache, EqualsTheScalarModel) {
  const EngineRun run = run_engine(proportional_model(0.5), "easycache:threshold=0.15,first=3", 12, descending_from(1));
  EXPECT_EQ(run.pattern("prediction"), "CCCRRRCRRRCC");
  const std::vector<double> expected = {0.05, 0.095, 0.1355};
  for (const std::vector<int>& steps : {std::vector<int>{3, 4, 5}, std::vector<int>{7, 8, 9}}) {
    const std::vector<double> found = scores(run, steps);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t k = 0; k < expected.size(); ++k) EXPECT_NEAR(found[k], expected[k], tolerance::kClosedForm);
  }
  // The last step is computed, so the latent after it is 2 v - 0.1 v.
  EXPECT_NEAR(1.9 * number(run.predictions.back()[0]), 0.558480, tolerance::kClosedForm);
}

TEST(EasyCache, ReusesEverythingBetweenTheWindowsWhenTheThresholdIsLarge) {
  const EngineRun run =
      run_engine(proportional_model(0.5), "easycache:threshold=1000000,first=4", 20, descending_from(1));
  EXPECT_EQ(run.pattern("prediction"), "CCCCRRRRRRRRRRRRRRRC");
}

TEST(EasyCache, KnowsNoRateBeforeTwoComputedSteps) {
  EXPECT_EQ(run_engine(proportional_model(0.5), "easycache:threshold=1000,first=0", 6, descending_from(1))
                .pattern("prediction"),
            "CCRRRC");
  EXPECT_EQ(run_engine(proportional_model(0.5), "easycache:threshold=1000,first=0,last=0", 6, descending_from(1))
                .pattern("prediction"),
            "CCRRRR");
}

TEST(EasyCache, DoesNotDependOnTheScaleOfLatents) {
  for (const double scale : {1e-4, 3.0, 1e5}) {
    const EngineRun run =
        run_engine(proportional_model(0.5), "easycache:threshold=0.15,first=3", 12, descending_from(scale));
    EXPECT_EQ(run.pattern("prediction"), "CCCRRRCRRRCC") << scale;
  }
}

TEST(EasyCache, ReusesPredictionMinusLatentOfEachBranch) {
  const EngineRun run = run_engine(proportional_model(0.5), "easycache:threshold=0.15,first=3", 12, descending_from(1),
                                   {kBothBranches, {}, {}});
  EXPECT_EQ(run.pattern("prediction"), "CCCRRRCRRRCC");
  EXPECT_EQ(run.pattern("prediction", Branch::kUnconditional), run.pattern("prediction"))
      << "the conditional branch decides for both";
  // At step 2 the latent is 0.95^2; branches predict 0.5 and 0.6 of it. Step 3 adds the change to its own latent.
  const double computed_at = 0.95 * 0.95, latent = 0.95 * computed_at;
  EXPECT_NEAR(number(run.predictions[3][0]), latent - 0.5 * computed_at, tolerance::kClosedForm);
  EXPECT_NEAR(number(run.predictions[3][1]), latent - 0.4 * computed_at, tolerance::kClosedForm);
}

TEST(EasyCache, KeepsTheRateWhenTheLatentDoesNotChange) {
  // From step 4 on the latent stands still: no change is predicted, and computing again must not lose the rate.
  const auto latent = [](int step, const EngineRun&) { return latent_of({1.0F - 0.1F * std::min(step, 4)}); };
  const EngineRun run = run_engine(proportional_model(0.5), "easycache:threshold=0.1,first=5,last=2", 10, latent);
  EXPECT_EQ(run.pattern("prediction"), "CCCCCRRRCC");
}

TEST(EasyCache, ComputesWhatItCannotMeasure) {
  // A prediction of zero divides by zero, and what is no number must not pass for small.
  const EngineRun zero = run_engine(proportional_model(0.0), "easycache:threshold=0.1,first=2", 6,
                                    [](int step, const EngineRun&) { return latent_of({1.0F - 0.1F * step}); });
  EXPECT_EQ(zero.pattern("prediction"), "CCCCCC");
}

TEST(EasyCache, BoundsReuseInARow) {
  const EngineRun run =
      run_engine(proportional_model(0.5), "easycache:threshold=1000000,first=3,max_reuse=2", 12, descending_from(1));
  EXPECT_EQ(run.pattern("prediction"), "CCCRRCRRCRRC");
  EXPECT_EQ(run.events[5].reason, "max_reuse");
}

TEST(EasyCache, WithinABudgetOfNothingComputes) {
  const EngineRun run = run_engine(proportional_model(0.5), "easycache:threshold=1000,first=2", 6, descending_from(1),
                                   {kBothBranches, {}, {.max_cache_bytes = 0}});
  EXPECT_EQ(run.pattern("prediction"), "CCCCCC");
}

TEST(EasyCache, OfThresholdZeroIsFullCompute) { EXPECT_TRUE(is_full_compute("easycache:threshold=0,first=1")); }

}  // namespace
}  // namespace ditto::test
