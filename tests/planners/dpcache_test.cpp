#include "caches/planners/dpcache.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tolerances.h"

namespace ditto {
namespace {

using Steps = std::vector<int>;
using test::tolerance::kClosedForm;

constexpr double kFiveDigits = .5e-5 + kClosedForm;
// Forecast weights are fp32.
constexpr double kWeights = 1e-6;

/// Scalar features of one sample.
ForecastErrors errors_of(const std::vector<double>& features) {
  const at::Tensor h = at::tensor(features, at::kDouble);
  const int steps = static_cast<int>(features.size());
  return {Gram((h.unsqueeze(1) * h.unsqueeze(0)).unsqueeze(0), steps, "features"), steps};
}

ForecastErrors published() { return errors_of({0, 1, 1.8, 2.4, 2.7, 2.7, 2.5, 2.6, 3.2, 4.4}); }

double planned_cost(const ForecastErrors& errors, const Steps& steps) { return errors.total(steps, 1); }

void expect_weights(const std::vector<float>& weights, const std::vector<double>& expected) {
  ASSERT_EQ(weights.size(), expected.size());
  for (std::size_t k = 0; k < weights.size(); ++k) EXPECT_NEAR(weights[k], expected[k], kFiveDigits);
}

TEST(DpCache, ForecastWeights) {
  expect_weights(forecast_weights(Steps{2, 1, 0}, 3, 2), {2.5, -2, .5});
  expect_weights(forecast_weights(Steps{7, 4, 2}, 9, 2), {1.88889, -1.22222, .33333});
  expect_weights(forecast_weights(Steps{7, 4, 2}, 9, 1), {1 + 2.0 / 3, -2.0 / 3});
  expect_weights(forecast_weights(Steps{4}, 9, 2), {1});
}

TEST(DpCache, SegmentErrors) {
  const ForecastErrors errors = published();
  EXPECT_NEAR(errors.segment(0, 1, 3), .2, kWeights);
  EXPECT_NEAR(errors.segment(1, 2, 5), .9, kWeights);
  EXPECT_NEAR(errors.segment(2, 5, 8), 1.2, kWeights);
  EXPECT_NEAR(errors.segment(5, 7, 10), 2.55, kWeights);
  EXPECT_EQ(errors.segment(3, 4, 5), 0);
}

TEST(DpCache, PublishedPlans) {
  const ForecastErrors errors = published();
  const auto expect = [&](const Steps& steps, double cost) {
    EXPECT_EQ(plan_forecasts(errors, {.nodes = static_cast<int>(steps.size()), .first = 3}, 10), steps);
    EXPECT_NEAR(planned_cost(errors, steps), cost, kWeights);
  };
  expect({0, 1, 2, 5}, 3.0);
  expect({0, 1, 2, 3, 5}, 2.2);  // one predecessor per step would give 0, 1, 2, 5, 9 at 2.5
  EXPECT_NEAR(planned_cost(errors, {0, 1, 2, 5, 9}), 2.5, kWeights);
  expect({0, 1, 2, 4, 5, 9}, 1.0);
  expect({0, 1, 2, 4, 5, 8, 9}, .5);
}

TEST(DpCache, EqualsBruteForce) {
  std::mt19937 random(11);
  std::normal_distribution<double> step;
  for (int trial = 0; trial < 40; ++trial) {
    std::vector<double> features(10, 0.0);
    for (std::size_t i = 1; i < features.size(); ++i) features[i] = features[i - 1] + step(random);
    const ForecastErrors errors = errors_of(features);
    for (int compute = 4; compute < 10; ++compute) {
      double best = std::numeric_limits<double>::infinity();
      for (std::uint32_t chosen = 0; chosen < 128; ++chosen) {
        if (std::popcount(chosen) != compute - 3) continue;
        Steps steps = {0, 1, 2};
        for (int i = 0; i < 7; ++i) {
          if ((chosen >> i & 1U) != 0) steps.push_back(3 + i);
        }
        best = std::min(best, planned_cost(errors, steps));
      }
      const Steps planned = plan_forecasts(errors, {.nodes = compute, .first = 3}, 10);
      EXPECT_EQ(static_cast<int>(planned.size()), compute);
      EXPECT_NEAR(planned_cost(errors, planned), best, kWeights) << "trial " << trial << ", " << compute;
    }
  }
}

TEST(DpCache, SamplesAreJoinedByTheirMeanSquare) {
  const at::Tensor features = at::randn({2, 6, 40}, at::kDouble);  // prompts, steps, elements
  const at::Tensor grams = at::stack({features[0].matmul(features[0].t()), features[1].matmul(features[1].t())}) / 40;
  const ForecastErrors errors(Gram(grams, 6, "features"), 6);
  const at::Tensor forecast = 2 * features.select(1, 3) - features.select(1, 2);
  const double expected = (forecast - features.select(1, 4)).square().mean().sqrt().item<double>();
  EXPECT_NEAR(errors.error(Steps{3, 2}, 4, 1), expected, kClosedForm);
}

TEST(DpCache, SecondOrderIsPricedWithItsOwnWeights) {
  const ForecastErrors cubic = errors_of({0, 1, 4, 9, 16, 25});
  // Neighbouring steps: D2 is the second difference 2, and x + x^2 / 2 falls short of a parabola by 1 at distance 1.
  EXPECT_NEAR(cubic.error(Steps{2, 1, 0}, 3, 2), 1, kWeights);
  EXPECT_NEAR(cubic.total(Steps{0, 1, 2, 4, 5}, 2), 1, kWeights);
  EXPECT_NEAR(cubic.total(Steps{0, 1, 2, 4, 5}, 1), 2, kWeights);
  EXPECT_NEAR(cubic.total(Steps{0, 1, 2, 4, 5}, 0), 5, kWeights);
}

TEST(DpCache, GapLimitAndForcedStepsHold) {
  const Steps steps = plan_forecasts(published(), {.nodes = 6, .first = 3, .last = 1}, 4);
  EXPECT_EQ(steps.back(), 9);
  EXPECT_EQ(Steps(steps.begin(), steps.begin() + 3), (Steps{0, 1, 2}));
  EXPECT_THROW(plan_forecasts(published(), {.nodes = 3, .first = 3}, 4), Error);
}

}  // namespace
}  // namespace ditto
