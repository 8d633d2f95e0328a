// The polynomial from an indicator's change to the output's.

#include "caches/profiling/polynomial_fit.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "caches/polynomial.h"
#include "profile_support.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

TEST(PolynomialFit, RecoversAPublishedPolynomial) {
  // TeaCache's for FLUX.1-dev.
  const std::vector<double> published = {4.98651651e+02, -2.83781631e+02, 5.58554382e+01, -3.82021401e+00,
                                         2.64230861e-01};
  std::vector<double> x, y;
  for (int k = 1; k < 40; ++k) {
    x.push_back(0.005 * k);
    y.push_back(evaluate_polynomial(published, x.back()));
  }
  const PolynomialFit fit = fit_polynomial(x, y, 4);
  ASSERT_EQ(fit.coefficients.size(), 5U);
  for (std::size_t k = 0; k < 5; ++k) {
    EXPECT_NEAR(fit.coefficients[k], published[k], 1e-8 * std::abs(published[k])) << k;
  }
  EXPECT_NEAR(fit.r2, 1, 1e-12);
}

TEST(PolynomialFit, ExplainsAShareOfTheVariance) {
  const std::vector<double> x = {-1, 0, 1}, y = {1, 0, 3};
  const PolynomialFit line = fit_polynomial(x, y, 1);
  EXPECT_NEAR(line.coefficients[0], 1, tolerance::kClosedForm);
  EXPECT_NEAR(line.coefficients[1], 4.0 / 3, tolerance::kClosedForm);
  EXPECT_NEAR(line.r2, 3.0 / 7, tolerance::kClosedForm);
}

TEST(PolynomialFit, LeavesOutWhatIsNotFinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const PolynomialFit fit = fit_polynomial(std::vector{nan, 1.0, 2.0, 3.0}, std::vector{1.0, 2.0, 4.0, infinity}, 1);
  EXPECT_NEAR(fit.coefficients[0], 2, tolerance::kClosedForm);
  EXPECT_NEAR(fit.coefficients[1], 0, tolerance::kClosedForm);
  EXPECT_TRUE(std::isnan(fit_polynomial(std::vector{nan}, std::vector{1.0}, 1).coefficients[0]));
}

TEST(PolynomialFit, FewPointsAreMet) {
  const PolynomialFit fit = fit_polynomial(std::vector{0.5, 0.5, 0.25}, std::vector{2.0, 2.0, 1.0}, 4);
  EXPECT_NEAR(evaluate_polynomial(fit.coefficients, 0.5), 2, tolerance::kClosedForm);
  EXPECT_NEAR(evaluate_polynomial(fit.coefficients, 0.25), 1, tolerance::kClosedForm);
  EXPECT_NEAR(fit.r2, 1, tolerance::kClosedForm);
  EXPECT_EQ(fit_polynomial(std::vector{1.0, 2.0}, std::vector{3.0, 3.0}, 1).r2, 1);
}

TEST(PolynomialFit, OfAScriptedModel) {
  // Signals grow by 2 %, 4 %, ...; the output's change is 3 x^2 + x.
  Script script;
  std::vector<double> signals = {1}, outputs = {1};
  for (int step = 1; step < 12; ++step) {
    const double change = 0.02 * step;
    signals.push_back(signals.back() * (1 + change));
    outputs.push_back(outputs.back() * (1 + 3 * change * change + change));
  }
  script.embedded = [](int, int, const at::Tensor& latent) { return at::zeros_like(latent); };
  script.signal = [&](int step, int) { return signals[static_cast<std::size_t>(step)]; };
  script.output = [&](int, int step, int, const at::Tensor&) {
    return row_of({static_cast<float>(outputs[static_cast<std::size_t>(step)])});
  };
  const ScriptedVideoModel model(script);
  Request request;
  request.steps = 12;
  const Profile profile = profile_of(model, request, {ArrayGroup::kIndicators});
  const at::Tensor& fit = profile.array("teacache.modulated");
  const std::vector<double> coefficients(fit.const_data_ptr<double>(), fit.const_data_ptr<double>() + 5);
  for (const double x : {0.05, 0.1, 0.2}) {
    EXPECT_NEAR(evaluate_polynomial(coefficients, x), 3 * x * x + x, 1e-5);
  }
  EXPECT_NEAR(number(profile.array("teacache.modulated.r2"), {0}), 1, tolerance::kClosedForm);
}

}  // namespace
}  // namespace ditto::test
