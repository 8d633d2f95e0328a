#include "solvers/unipc_weights.h"

#include <gtest/gtest.h>

#include "solvers/solver.h"
#include "tolerances.h"

namespace ditto {
namespace {

class UniPcWeightsOn50 : public ::testing::Test {
 protected:
  double sigma(int node) const { return grid_.sigmas[node]; }

  void expect_predictor(int previous, int node, int next, double latent, double current, double older) const {
    const std::optional<double> before = previous < 0 ? std::nullopt : std::optional(sigma(previous));
    const UniPcWeights weights = unipc_predictor(sigma(node), sigma(next), before);
    EXPECT_NEAR(weights.latent, latent, test::tolerance::kClosedForm);
    EXPECT_NEAR(weights.current, current, test::tolerance::kClosedForm);
    EXPECT_NEAR(weights.previous, older, test::tolerance::kClosedForm);
    EXPECT_EQ(weights.fresh, 0);
  }

  StepGrid grid_ = make_solver("unipc", {.shift = 3})->full_grid(50);
};

TEST_F(UniPcWeightsOn50, PredictorsFollowTheVectors) {
  expect_predictor(-1, 0, 5, .9643249, .0356751, 0);
  expect_predictor(0, 5, 12, .9383519, .0647085, -.0030604);
  expect_predictor(20, 30, 40, .6441553, .5707173, -.2148726);
  expect_predictor(30, 40, 47, .3791547, 1.0503658, -.4295204);
}

TEST_F(UniPcWeightsOn50, SecondOrderExtrapolatesByThePublishedFactor) {
  const UniPcWeights weights = unipc_predictor(sigma(30), sigma(40), sigma(20));
  const double kappa = -weights.previous / (1 - weights.latent);
  EXPECT_NEAR(kappa, .6038383, test::tolerance::kClosedForm);
}

TEST_F(UniPcWeightsOn50, WeightsSumToOne) {
  for (const int previous : {-1, 3}) {
    const std::optional<double> before = previous < 0 ? std::nullopt : std::optional(sigma(previous));
    const UniPcWeights predictor = unipc_predictor(sigma(10), sigma(25), before);
    EXPECT_NEAR(predictor.latent + predictor.current + predictor.previous, 1, 1e-12);
    const UniPcWeights corrector = unipc_corrector(sigma(10), sigma(25), before);
    EXPECT_NEAR(corrector.latent + corrector.current + corrector.previous + corrector.fresh, 1, 1e-12);
  }
}

TEST_F(UniPcWeightsOn50, AStepToZeroEndsAtThePrediction) {
  const UniPcWeights weights = unipc_predictor(sigma(49), 0, sigma(48));
  EXPECT_EQ(weights.latent, 0);
  EXPECT_EQ(weights.current, 1);
  EXPECT_EQ(weights.previous, 0);
}

}  // namespace
}  // namespace ditto
