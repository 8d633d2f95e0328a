#include <cmath>
#include <numeric>

#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>

#include "caches/forecasters/hermite.h"
#include "caches/forecasters/rolling.h"
#include "caches/forecasters/taylor.h"
#include "caches/run_with.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

/// One block of one unit whose output is a function of the step.
ScriptedModel feature_of(std::function<double(int)> feature) {
  return ScriptedModel({.output = [feature](int, int step, int, const at::Tensor& hidden) {
    return at::full_like(hidden, feature(step));
  }});
}

constexpr const char* kUnit = "blocks.0.feed_forward";

std::vector<int> computed(const std::string& specification, int steps, const std::string& site = kUnit) {
  const EngineRun run = run_with(feature_of([](int) { return 1; }), specification, {.steps = steps});
  return steps_of(run.pattern(site), 'C');
}

/// What a forecast makes of features of a function at these steps, newest first.
double forecast(const Forecaster& forecaster, const std::vector<double>& steps, double target,
                const std::function<double(double)>& feature) {
  const std::vector<float> weights = forecaster.weights(steps, target);
  double sum = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) sum += weights[k] * feature(steps[k]);
  return sum;
}

double weight_sum(const Forecaster& forecaster, const std::vector<double>& steps, double target) {
  return forecast(forecaster, steps, target, [](double) { return 1; });
}

TEST(Forecasters, KeepConstants) {
  const std::vector<double> steps = {14, 8, 2, 1};
  EXPECT_NEAR(weight_sum(TaylorForecaster(3), steps, 18), 1, tolerance::kClosedForm);
  EXPECT_NEAR(weight_sum(HermiteForecaster(3, 0.5), steps, 18), 1, tolerance::kClosedForm);
  EXPECT_NEAR(weight_sum(RollingForecaster(kFocaRule), steps, 18), 1, tolerance::kClosedForm);
}

TEST(HiCache, ReplacesPowersByHermitePolynomials) {
  const std::vector<double> steps = {2, 1, 0};
  const auto line = [](double step) { return 3 + 2 * step; };
  EXPECT_NEAR(forecast(HermiteForecaster(1, std::sqrt(0.5)), steps, 6, line), line(6), 1e-5);
  EXPECT_NEAR(forecast(HermiteForecaster(1, 0.5), steps, 6, line), line(2) + 0.5 * 4 * 2, 1e-5);
  // Differences of squares are [4, 3, 2]: 4 + 3 * 0.5 k + 2 / 2 * (0.25 k^2 - 0.5) at k = 3.
  const auto square = [](double step) { return step * step; };
  EXPECT_NEAR(forecast(HermiteForecaster(2, 0.5), steps, 5, square), 4 + 4.5 + 1.75, 1e-5);
}

TEST(HiCache, RunsOnTheOfficialSchedule) {
  EXPECT_EQ(computed("hicache:interval=6", 20), (std::vector<int>{0, 1, 2, 8, 14}));
  const EngineRun run =
      run_with(feature_of([](int step) { return 2 * step; }), "hicache:interval=4,order=1,sigma=0.5", {.steps = 6});
  EXPECT_NEAR(value_at(run, 5) - 1, 4 + 0.5 * 3 * 2, tolerance::kClosedForm);
}

TEST(FoCa, IsExactOnLinesOnceTwoFeaturesAreKnown) {
  const auto line = [](double step) { return 5 - 3 * step; };
  const RollingForecaster foca(kFocaRule);
  for (const std::vector<double>& steps :
       {std::vector<double>{6, 0}, std::vector<double>{12, 6, 0}, std::vector<double>{14, 8, 2, 1}}) {
    for (int ahead = 1; ahead < 6; ++ahead) {
      EXPECT_NEAR(forecast(foca, steps, steps[0] + ahead, line), line(steps[0] + ahead), 1e-4);
    }
  }
  const std::vector<double> one = {4};
  EXPECT_EQ(foca.weights(one, 7), std::vector<float>{1});
}

TEST(FoCa, CalibratesTheStepByTheComputedSlope) {
  // Squares at 0, 1, 2: half of the rolling slope 3 and half of the computed slope 3, then G1 = 7, G0 = 4 + 3.
  const auto square = [](double step) { return step * step; };
  const std::vector<double> steps = {4, 1, 0};
  // At step 1: v0 = 1, v1 = 0. Step 2: 1 + 0.5 + 0.5 = 2, step 3: 3. Step 4 is computed: v0 = 16, v1 = 3, slope 5.
  EXPECT_NEAR(forecast(RollingForecaster(kFocaRule), steps, 5, square), 16 + 0.5 * 13 + 0.5 * 5, 1e-5);
}

TEST(FoCa, RunsOnTheOfficialSchedule) {
  EXPECT_EQ(computed("foca:interval=6,first=1", 20), (std::vector<int>{0, 6, 12, 18}));
  const EngineRun run =
      run_with(feature_of([](int step) { return 2 * step; }), "foca:interval=4,first=1", {.steps = 8});
  EXPECT_NEAR(value_at(run, 3) - 1, 0, tolerance::kClosedForm) << "one computed feature is reused";
  EXPECT_NEAR(value_at(run, 7) - 1, 14, tolerance::kClosedForm);
}

TEST(ForecastPolicies, IntervalOneIsNoPolicy) {
  for (const char* specification : {"taylorseer:interval=1", "hicache:interval=1", "foca:interval=1"}) {
    EXPECT_TRUE(run_with(feature_of([](int) { return 1; }), specification).events.empty());
  }
}

}  // namespace
}  // namespace ditto::test
