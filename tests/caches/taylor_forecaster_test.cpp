#include <cmath>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "caches/forecasters/taylor.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

/// Anchors at falling, uneven positions, newest first.
std::vector<double> random_positions(std::mt19937& random, int count) {
  std::uniform_int_distribution<int> gap(1, 7);
  std::vector<double> newest_first(static_cast<std::size_t>(count));
  double position = 0;
  for (int k = count - 1; k >= 0; --k) newest_first[static_cast<std::size_t>(k)] = position += gap(random);
  return newest_first;
}

double blend(const std::vector<float>& weights, const std::vector<double>& newest_first) {
  double sum = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) sum += weights[k] * newest_first[k];
  return sum;
}

/// The recursion as published: factors are differences to the factors of the computed step before, over the gap of the
/// two newest steps whatever the order; the forecast is their Taylor series.
class PublishedRecursion {
 public:
  explicit PublishedRecursion(int order) : order_(order) {}

  void compute(double step, double feature) {
    const double gap = step - last_;
    last_ = step;
    std::vector<double> factors = {feature};
    for (std::size_t j = 0; static_cast<int>(j) < order_ && j < factors_.size(); ++j) {
      factors.push_back((factors[j] - factors_[j]) / gap);
    }
    factors_ = factors;
  }

  double forecast(double step) const {
    double sum = 0, power = 1;
    for (std::size_t j = 0; j < factors_.size(); ++j) {
      sum += factors_[j] * power;
      power *= (step - last_) / static_cast<double>(j + 1);
    }
    return sum;
  }

 private:
  int order_;
  double last_ = 0;
  std::vector<double> factors_;
};

TEST(TaylorForecaster, WeightsSumToOne) {
  std::mt19937 random(1);
  for (int order = 0; order <= 4; ++order) {
    for (int count = 1; count <= 6; ++count) {
      const std::vector<double> positions = random_positions(random, count);
      const std::vector<float> weights = TaylorForecaster(order).weights(positions, positions.front() + 2);
      EXPECT_EQ(weights.size(), static_cast<std::size_t>(std::min(order + 1, count)));
      EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-5);
    }
  }
}

TEST(TaylorForecaster, OfOrderZeroReuses) {
  EXPECT_EQ(TaylorForecaster(0).weights(std::vector<double>{5, 2, 0}, 9), std::vector<float>{1.0F});
  EXPECT_EQ(TaylorForecaster(3).weights(std::vector<double>{5}, 9), std::vector<float>{1.0F}) << "one anchor";
}

TEST(TaylorForecaster, IsExactOnLinesOverUnevenSteps) {
  std::mt19937 random(2);
  const auto line = [](double x) { return 3 - 0.25 * x; };
  for (int trial = 0; trial < 20; ++trial) {
    for (int order = 1; order <= 2; ++order) {
      const std::vector<double> positions = random_positions(random, order + 1);
      std::vector<double> features;
      for (const double position : positions) features.push_back(line(position));
      const double target = positions.front() + 3;
      // Order 2 sees a second difference of zero on a line.
      EXPECT_NEAR(blend(TaylorForecaster(order).weights(positions, target), features), line(target), 1e-5);
    }
  }
}

TEST(TaylorForecaster, IsExactOnLinesOverFallingNoiseLevels) {
  const std::vector<double> sigmas = {0.5, 0.8, 0.95};
  const std::vector<float> weights = TaylorForecaster(1).weights(sigmas, 0.3);
  EXPECT_NEAR(blend(weights, {1 + 2 * 0.5, 1 + 2 * 0.8, 0}), 1 + 2 * 0.3, tolerance::kClosedForm);
}

/// Published: F = 7, 4 at unit spacing gives 10; s^2 at 4, 2, 0 gives 28 in order 1 and 32 in order 2, not 36.
TEST(TaylorForecaster, HasThePublishedValues) {
  EXPECT_EQ(TaylorForecaster(1).weights(std::vector<double>{1, 0}, 2), (std::vector<float>{2, -1}));
  EXPECT_EQ(blend(TaylorForecaster(1).weights(std::vector<double>{1, 0}, 2), {7, 4}), 10);
  EXPECT_EQ(blend(TaylorForecaster(1).weights(std::vector<double>{4, 2, 0}, 6), {16, 4, 0}), 28);
  EXPECT_EQ(blend(TaylorForecaster(2).weights(std::vector<double>{4, 2, 0}, 6), {16, 4, 0}), 32);
  EXPECT_NEAR(blend(TaylorForecaster(2).weights(std::vector<double>{6, 3, 0}, 8), {36, 9, 0}), 58, 1e-4);
  // F = s^2 computed at 0, 1, 2, 8: factors 64, 10, 7/6, forecasts at 9, 10, 11.
  const std::vector<double> anchors = {8, 2, 1};
  const std::vector<double> expected = {74.583333, 86.333333, 99.25};
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const double target = 9 + static_cast<double>(k);
    EXPECT_NEAR(blend(TaylorForecaster(2).weights(anchors, target), {64, 4, 1}), expected[k], 1e-4);
  }
}

TEST(TaylorForecaster, EqualsThePublishedRecursion) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> value(-1, 1);
  for (int trial = 0; trial < 50; ++trial) {
    const int order = trial % 5;
    const std::vector<double> positions = random_positions(random, order + 3);
    PublishedRecursion recursion(order);
    std::vector<double> features(positions.size());
    for (std::size_t k = positions.size(); k-- > 0;) {
      features[k] = value(random);
      recursion.compute(positions[k], features[k]);
    }
    const double target = positions.front() + 1 + trial % 4;
    const double expected = recursion.forecast(target);
    EXPECT_NEAR(blend(TaylorForecaster(order).weights(positions, target), features), expected,
                1e-4 * std::max(1.0, std::abs(expected)));
  }
}

}  // namespace
}  // namespace ditto::test
