#include "caches/planners/ratio_rule.h"

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tolerances.h"

namespace ditto {
namespace {

using Steps = std::vector<int>;

Steps range_and(int first, const Steps& rest) {
  Steps steps;
  for (int step = 0; step <= first; ++step) steps.push_back(step);
  steps.insert(steps.end(), rest.begin(), rest.end());
  return steps;
}

// Published ratios of the conditional branch.
const std::vector<double> kWan13B = {
    1.0,     1.0124,  1.00166, 0.99791, 0.99682, 0.99634, 0.99567, 0.99416, 0.99578, 0.9957,  0.99511, 0.99535, 0.99552,
    0.99541, 0.9954,  0.99489, 0.99518, 0.99484, 0.99481, 0.99415, 0.99419, 0.99396, 0.99388, 0.99349, 0.99309, 0.9927,
    0.99228, 0.99171, 0.99137, 0.99068, 0.99005, 0.98944, 0.98849, 0.98758, 0.98644, 0.98504, 0.9836,  0.98202, 0.97977,
    0.97717, 0.9741,  0.97003, 0.96538, 0.9593,  0.95086, 0.94013, 0.92402, 0.90241, 0.86821, 0.81838};
const std::vector<double> kWan14B = {
    1.0,     1.02504, 1.00025, 0.9985,  0.99779, 0.9966,  0.99482, 0.99467, 0.99664, 0.99434, 0.99533, 0.99468, 0.99438,
    0.99516, 0.99384, 0.99404, 0.99517, 0.99409, 0.99428, 0.99347, 0.99418, 0.99271, 0.99313, 0.99215, 0.99218, 0.99216,
    0.99163, 0.99138, 0.98982, 0.98996, 0.9887,  0.98772, 0.98767, 0.98573, 0.98501, 0.9838,  0.98177, 0.98037, 0.97678,
    0.97546, 0.97184, 0.96711, 0.96349, 0.95629, 0.94926, 0.93964, 0.92511, 0.90693, 0.8796,  0.86111};
const std::vector<double> kHunyuan720 = {
    1.0,     1.0754,  1.27807, 1.11596, 1.09504, 1.05188, 1.00844, 1.05779, 1.00657, 1.04142, 1.03101, 1.00679, 1.02556,
    1.00908, 1.06949, 1.05438, 1.02214, 1.02321, 1.03019, 1.00779, 1.03381, 1.01886, 1.01161, 1.02968, 1.00544, 1.02822,
    1.00689, 1.02119, 1.0105,  1.01044, 1.01572, 1.02972, 1.0094,  1.02368, 1.0226,  0.98965, 1.01588, 1.02146, 1.0018,
    1.01687, 0.99436, 1.00283, 1.01139, 0.97122, 0.98251, 0.94513, 0.97656, 0.90943, 0.85703, 0.75456};
const std::vector<double> kHunyuan544 = {
    1.0,     1.06971, 1.29073, 1.11245, 1.09596, 1.05233, 1.01415, 1.05672, 1.00848, 1.03632, 1.02974, 1.00984, 1.03028,
    1.00681, 1.06614, 1.05022, 1.02592, 1.01776, 1.02985, 1.00726, 1.03727, 1.01502, 1.00992, 1.03371, 0.9976,  1.02742,
    1.0093,  1.01869, 1.00815, 1.01461, 1.01152, 1.03082, 1.0061,  1.02162, 1.01999, 0.99063, 1.01186, 1.0217,  0.99947,
    1.01711, 0.9904,  1.00258, 1.00878, 0.97039, 0.97686, 0.94315, 0.97728, 0.91154, 0.86139, 0.76592};
const std::vector<double> kFlux = {1.0,     1.21094, 1.11719, 1.07812, 1.0625,  1.03906, 1.03125,
                                   1.03906, 1.02344, 1.03125, 1.02344, 0.98047, 1.01562, 1.00781,
                                   1.0,     1.00781, 1.0,     1.00781, 1.0,     1.0,     0.99609,
                                   0.99609, 0.98047, 0.98828, 0.96484, 0.95703, 0.93359, 0.89062};
const std::vector<double> kOpenSora = {1.0,     0.93359, 0.96484, 0.99609, 1.0,     0.99609, 0.99609, 0.99219,
                                       1.0,     1.0,     0.99609, 0.99219, 1.0,     0.99219, 0.99609, 0.99219,
                                       0.99609, 0.99609, 0.99609, 0.99219, 0.99219, 0.99219, 0.98828, 0.98828,
                                       0.98438, 0.98438, 0.97656, 0.97656, 0.96484, 0.96484};

std::vector<double> square_roots(std::vector<double> ratios) {
  for (double& ratio : ratios) ratio = std::sqrt(ratio);
  return ratios;
}

TEST(RatioRule, PublishedSchedules) {
  EXPECT_EQ(computed_steps(kWan13B, {.threshold = .12, .max_reuse = 4}),
            range_and(9, {14, 19, 24, 29, 34, 38, 41, 44, 46, 48, 49}));
  EXPECT_EQ(computed_steps(kWan13B, {.threshold = .12, .max_reuse = 2}),
            range_and(9, {12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 44, 46, 48, 49}));
  EXPECT_EQ(computed_steps(square_roots(kWan13B), {.threshold = .12, .max_reuse = 4}),
            range_and(9, {14, 19, 24, 29, 34, 39, 43, 46, 48}));
  EXPECT_EQ(computed_steps(kWan14B, {.threshold = .24, .max_reuse = 6}),
            range_and(9, {16, 23, 30, 36, 41, 44, 47, 49}));
  EXPECT_EQ(computed_steps(kHunyuan544, {.threshold = .24, .max_reuse = 6, .inclusive = true}),
            range_and(9, {14, 18, 23, 29, 34, 41, 46, 48}));
  EXPECT_EQ(computed_steps(kHunyuan720, {.threshold = .24, .max_reuse = 6, .inclusive = true}),
            range_and(9, {14, 18, 23, 29, 34, 41, 46, 48, 49}));
  EXPECT_EQ(computed_steps(kHunyuan720, {.threshold = .12, .max_reuse = 4, .inclusive = true}),
            range_and(9, {12, 15, 18, 22, 25, 29, 33, 38, 43, 46, 48, 49}));
  EXPECT_EQ(computed_steps(square_roots(kOpenSora), {.threshold = .12, .max_reuse = 3, .inclusive = true}),
            range_and(5, {9, 13, 17, 21, 25, 29}));
}

TEST(RatioRule, StepsThatAreAlwaysComputed) {
  const RatioRule flux = {
      .threshold = .24, .max_reuse = 5, .retention = .1, .inclusive = true, .rounds_retention = true, .always = {11}};
  EXPECT_EQ(computed_steps(kFlux, flux), (Steps{0, 1, 2, 5, 9, 11, 17, 23, 26}));
}

TEST(RatioRule, ConstantRatioIsLimitedByMaxReuse) {
  const std::vector<double> ratios(12, 1.0);
  EXPECT_EQ(computed_steps(ratios, {.threshold = .1, .max_reuse = 3, .retention = 0}), (Steps{0, 4, 8}));
}

TEST(RatioRule, ThresholdZeroAndNonFiniteRatiosCompute) {
  std::vector<double> ratios(10, 1.0);
  EXPECT_EQ(computed_steps(ratios, {.threshold = 0, .max_reuse = 3}).size(), 10U);
  ratios[6] = std::nan("");
  EXPECT_EQ(computed_steps(ratios, {.threshold = .1, .max_reuse = 9}), (Steps{0, 1, 6}));
}

TEST(RatioRule, ThresholdOfABudget) {
  for (const RatioRule& rule : {RatioRule{.max_reuse = 4}, RatioRule{.max_reuse = 6, .retention = .1}}) {
    int found = 0;
    for (int compute = 1; compute <= 50; ++compute) {
      try {
        const RatioRule fitted = rule_for_budget(kWan13B, rule, compute);
        const Steps steps = computed_steps(kWan13B, fitted);
        EXPECT_EQ(static_cast<int>(steps.size()), compute);
        EXPECT_LT(largest_deviation(kWan13B, steps), fitted.threshold);
        RatioRule wider = fitted;
        wider.threshold = largest_deviation(kWan13B, steps);
        EXPECT_GE(static_cast<int>(computed_steps(kWan13B, wider).size()), compute)
            << "a lower threshold computes more";
        ++found;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::kUsage);
      }
    }
    EXPECT_GE(found, 20);
  }
  const RatioRule published = rule_for_budget(kWan13B, {.max_reuse = 4}, 21);
  EXPECT_EQ(computed_steps(kWan13B, published), computed_steps(kWan13B, {.threshold = .12, .max_reuse = 4}));
}

TEST(RatioRule, NamesThePossibleBudgets) {
  try {
    rule_for_budget(std::vector<double>(10, 1.0), {.max_reuse = 4, .retention = .2}, 5);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()),
              "--compute: no threshold computes 5 of 10 steps with max_reuse 4 and retention 0.2; accepted: 3");
  }
}

TEST(RatioRule, LargestDeviationOfASchedule) {
  const std::vector<double> ratios = {1, .9, .9, 1, 1.1, 1};
  EXPECT_NEAR(largest_deviation(ratios, Steps{0, 3}), .1 + (1 - .81), test::tolerance::kClosedForm);
  EXPECT_EQ(largest_deviation(ratios, Steps{0, 1, 2, 3, 4, 5}), 0);
}

}  // namespace
}  // namespace ditto
