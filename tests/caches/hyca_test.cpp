#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/fft_fft.h>
#include <ATen/ops/log.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/square.h>
#include <ATen/ops/stack.h>

#include <gtest/gtest.h>

#include "caches/forecasters/solver_pool.h"
#include "caches/planners/solver_assignment.h"
#include "caches/profile_support.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

constexpr const char* kBlock = "blocks.0.feed_forward";
const std::vector<PoolSolver> kPool = {PoolSolver::kTf, PoolSolver::kAb2, PoolSolver::kRk2, PoolSolver::kBdf2,
                                       PoolSolver::kAm};

double forecast(PoolSolver solver, const std::vector<double>& steps, const std::vector<double>& features, double target,
                bool rolling = false) {
  const std::vector<float> weights = PoolForecaster(solver, rolling).weights(steps, target);
  double sum = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) sum += weights[k] * features[k];
  return sum;
}

/// Four channels: the first half grows linearly with the step, the second alternates.
double half_and_half(int step, int channel) {
  return channel < 2 ? (channel + 1) * (1 + 0.5 * step) : (channel - 1) * (step % 2 == 0 ? 1.0 : -1.0);
}

at::Tensor log_ratio(const at::Tensor& numerator, const at::Tensor& denominator) {
  return at::log(numerator / (denominator + 1e-12) + 1e-12);
}

/// Descriptors [channels, 6] of values [steps, channels].
at::Tensor descriptors_of(const at::Tensor& values) {
  std::vector<at::Tensor> sizes;
  for (at::Tensor difference = values; sizes.size() < 4; difference = difference.diff(1, 0)) {
    sizes.push_back(difference.square().mean(0).sqrt());
  }
  const at::Tensor power = at::fft_fft(values, {}, 0).narrow(0, 1, values.size(0) - 1).abs().square() + 1e-12;
  return at::stack(
      {log_ratio(sizes[1], sizes[0]), log_ratio(sizes[2], sizes[0]), at::log(sizes[0] + 1e-12),
       log_ratio(sizes[3], sizes[2]), log_ratio(sizes[2], sizes[1]), at::exp(at::log(power).mean(0)) / power.mean(0)},
      1);
}

/// Mean squared errors [6, channels] of next steps.
at::Tensor errors_of(const at::Tensor& values) {
  std::vector<at::Tensor> errors;
  for (int solver = 0; solver < 6; ++solver) {
    const std::vector<float> w =
        PoolForecaster(static_cast<PoolSolver>(solver), false).weights(std::vector<double>{2, 1, 0}, 3);
    const std::int64_t count = values.size(0) - 3;
    const at::Tensor made =
        values.narrow(0, 2, count) * w[0] + values.narrow(0, 1, count) * w[1] + values.narrow(0, 0, count) * w[2];
    errors.push_back((made - values.narrow(0, 3, count)).square().mean(0));
  }
  return at::stack(errors);
}

at::Tensor probed_values() {
  std::vector<double> values;
  for (int step = 0; step < 8; ++step) {
    for (int channel = 0; channel < 4; ++channel) values.push_back(half_and_half(step, channel));
  }
  return at::tensor(values, at::kDouble).reshape({8, 4});
}

/// One block whose change is that of half_and_half.
ScriptedModel half_model() {
  return ScriptedModel({.output =
                            [](int, int step, int, const at::Tensor&) {
                              std::vector<float> row;
                              for (int channel = 0; channel < 4; ++channel) {
                                row.push_back(static_cast<float>(half_and_half(step, channel)));
                              }
                              return row_of(row);
                            }},
                       4);
}

TEST(SolverPool, MatchesThePublishedVector) {
  const std::vector<double> steps = {2, 1, 0}, features = {7, 4, 2};
  EXPECT_NEAR(forecast(PoolSolver::kTf, steps, features, 3), 10, 1e-5);
  EXPECT_NEAR(forecast(PoolSolver::kAb2, steps, features, 3), 10.5, 1e-5);
  EXPECT_NEAR(forecast(PoolSolver::kRk2, steps, features, 3), 9.5, 1e-5);
  EXPECT_NEAR(forecast(PoolSolver::kBdf2, steps, features, 3), 8, 1e-5);
  EXPECT_NEAR(forecast(PoolSolver::kAm, steps, features, 3), 10.291667, 1e-5);
  EXPECT_NEAR(forecast(PoolSolver::kReuse, steps, features, 3), 7, 1e-5);
}

TEST(SolverPool, IsExactOnLinesButForBdf2) {
  const double a = 3, b = -2;
  const std::vector<double> steps = {9, 5, 4}, features = {a + 9 * b, a + 5 * b, a + 4 * b};
  for (const double ahead : {1, 2, 7}) {
    for (const PoolSolver solver :
         {PoolSolver::kTf, PoolSolver::kAb2, PoolSolver::kRk2, PoolSolver::kAm, PoolSolver::kTf2}) {
      EXPECT_NEAR(forecast(solver, steps, features, 9 + ahead), a + b * (9 + ahead), 1e-4) << solver_name(solver);
    }
    EXPECT_NEAR(forecast(PoolSolver::kBdf2, steps, features, 9 + ahead), features[0] + ahead * b / 3, 1e-4);
  }
}

TEST(SolverPool, MatchesThePublishedQuadratic) {
  const std::vector<double> steps = {4, 2, 0}, squares = {16, 4, 0};
  EXPECT_NEAR(forecast(PoolSolver::kTf, steps, squares, 6), 28, 1e-4);
  EXPECT_NEAR(forecast(PoolSolver::kAb2, steps, squares, 6), 32, 1e-4);
  EXPECT_NEAR(forecast(PoolSolver::kRk2, steps, squares, 6), 24, 1e-4);
  EXPECT_NEAR(forecast(PoolSolver::kBdf2, steps, squares, 6), 20, 1e-4);
  EXPECT_NEAR(forecast(PoolSolver::kAm, steps, squares, 6), 30.333333, 1e-4);
  EXPECT_NEAR(forecast(PoolSolver::kTf2, steps, squares, 6), 32, 1e-4);
}

TEST(SolverPool, FallsBackWithFewSnapshots) {
  EXPECT_NEAR(forecast(PoolSolver::kAm, {5}, {3}, 9), 3, 1e-6);
  EXPECT_NEAR(forecast(PoolSolver::kBdf2, {6, 0}, {13, 1}, 9), 19, 1e-5) << "two are a line";
  EXPECT_NEAR(forecast(PoolSolver::kReuse, {6, 0}, {13, 1}, 9), 13, 1e-5);
}

TEST(SolverPool, RollsOverItsOwnForecasts) {
  const std::vector<double> steps = {2, 1, 0}, features = {7, 4, 2};
  // One step ahead equals the anchored formula; from then on forecasts are values.
  EXPECT_NEAR(forecast(PoolSolver::kAb2, steps, features, 3, true), 10.5, 1e-5);
  EXPECT_NEAR(forecast(PoolSolver::kAb2, steps, features, 4, true), 2.5 * 10.5 - 2 * 7 + 0.5 * 4, 1e-5);
  EXPECT_NEAR(forecast(PoolSolver::kBdf2, steps, features, 4, true), 8 + 1.0 / 3, 1e-5);
  // The step computed at 5 follows the forecasts 10 and 13 of steps 3 and 4.
  EXPECT_NEAR(forecast(PoolSolver::kTf, {5, 2, 1, 0}, {15, 7, 4, 2}, 6, true), 2 * 15 - 13, 1e-5);
}

TEST(SolverAssignment, GivesEachClusterItsSolver) {
  const at::Tensor values = probed_values(), errors = errors_of(values);
  // Per unit amplitude of (-1)^s.
  const std::vector<double> published = {16, 36, 4, 64.0 / 9, 961.0 / 36, 4};
  for (int solver = 0; solver < 6; ++solver) EXPECT_NEAR(errors[solver][2].item<double>(), published[solver], 1e-5);

  const SolverAssignment assignment = assign_solvers(descriptors_of(values), errors, 2, kPool);
  EXPECT_EQ(assignment.solvers, (std::vector<PoolSolver>{PoolSolver::kTf, PoolSolver::kRk2}));
  EXPECT_EQ(assignment.solver_of_channel, (std::vector<int>{0, 0, 1, 1}));
  std::vector<PoolSolver> with_reuse = kPool;
  with_reuse.push_back(PoolSolver::kReuse);
  EXPECT_EQ(assign_solvers(descriptors_of(values), errors, 2, with_reuse).solvers, assignment.solvers)
      << "reuse ties with rk2";
}

TEST(SolverAssignment, OneSolverNeedsNoClusters) {
  const SolverAssignment assignment =
      assign_solvers(descriptors_of(probed_values()), errors_of(probed_values()), 2, {PoolSolver::kBdf2});
  EXPECT_EQ(assignment.solvers, std::vector<PoolSolver>{PoolSolver::kBdf2});
  EXPECT_TRUE(assignment.solver_of_channel.empty());
}

TEST(HyCa, ComputesThePublishedSteps) {
  const auto computed = [](const std::string& specification, int steps) {
    return steps_of(run_with(half_model(), specification, {.steps = steps}).pattern(kBlock), 'C');
  };
  EXPECT_EQ(computed("hyca:interval=6,first=3", 50), (std::vector<int>{0, 1, 2, 8, 14, 20, 26, 32, 38, 44}));
  EXPECT_EQ(computed("hyca:interval=6,first=1", 50), (std::vector<int>{0, 6, 12, 18, 24, 30, 36, 42, 48}));
  EXPECT_EQ(computed("hyca:interval=3,first=2", 8), (std::vector<int>{0, 1, 4, 7}));
  EXPECT_TRUE(run_with(half_model(), "hyca:interval=1").events.empty());
}

TEST(HyCa, WithTaylorAloneIsTaylorSeer) {
  for (const char* site : {"unit", "block", "stack"}) {
    const std::string level = std::string(":interval=4,site=") + site;
    const Result hyca = run_toy(ToyModel(), toy_request(), {"hyca" + level + ",solver=tf"});
    const Result taylor = run_toy(ToyModel(), toy_request(), {"taylorseer" + level + ",order=1"});
    EXPECT_TRUE(same_bits(hyca.latents, taylor.latents)) << site;
    EXPECT_EQ(hyca.cache_bytes_peak, taylor.cache_bytes_peak) << "two snapshots do";
  }
}

TEST(HyCa, ForecastsClustersByTheirSolvers) {
  const TempFolder folder;
  const RunSetup setup{.steps = 6};
  const at::Tensor values = probed_values();
  Profile profile = profile_of(half_model(), setup,
                               {{"hyca.descriptors", descriptors_of(values).unsqueeze(0)},
                                {"hyca.solver_error", errors_of(values).unsqueeze(0)}});
  profile.write(folder / "measured");
  const std::string specification = "hyca:interval=4,first=4,profile=" + (folder / "measured").string();
  const EngineRun run = run_with(half_model(), specification, setup);
  EXPECT_EQ(run.pattern(kBlock), "CCCCFF");
  EXPECT_EQ(run.events.front().reason, "window; solvers from a profile");
  EXPECT_EQ(run.events[4].weights, (std::vector<float>{2, -1, 0, 1.5, 0, -0.5}));
  const at::Tensor forecast = run.predictions[5][0].reshape({-1}) - 1;
  EXPECT_NEAR(forecast[0].item<double>(), half_and_half(5, 0), tolerance::kClosedForm) << "linear: exact";
  EXPECT_NEAR(forecast[1].item<double>(), half_and_half(5, 1), tolerance::kClosedForm);
  // rk2 of -1, 1, -1 two steps ahead: slopes -2 and 2 cancel.
  EXPECT_NEAR(forecast[2].item<double>(), -1, tolerance::kClosedForm);

  EXPECT_EQ(run_with(half_model(), specification + ",clusters=1", setup).events[4].weights.size(), 3U);
  const EngineRun only = run_with(half_model(), specification + ",pool=reuse", setup);
  EXPECT_EQ(only.pattern(kBlock), "CCCCRR");
}

TEST(HyCa, RefusesProfilesOfOtherSites) {
  const TempFolder folder;
  const RunSetup setup{.steps = 6};
  const at::Tensor descriptors = descriptors_of(probed_values()), errors = errors_of(probed_values());
  const std::string specification = "hyca:profile=" + (folder / "measured").string();
  const auto refusal = [&](const at::Tensor& first, const at::Tensor& second) {
    profile_of(half_model(), setup, {{"hyca.descriptors", first}, {"hyca.solver_error", second}})
        .write(folder / "measured");
    return refusal_in(half_model(), specification, setup);
  };
  EXPECT_NE(refusal(at::stack({descriptors, descriptors}), at::stack({errors, errors}))
                .find("'hyca.descriptors' was measured at 2 sites, this run has 1; accepted: the level of option site"),
            std::string::npos);
  EXPECT_NE(refusal(descriptors, errors).find("has the shape [4, 6]; accepted: [sites, 4, 6]"), std::string::npos);
  EXPECT_NE(refusal(descriptors.unsqueeze(0), errors.unsqueeze(0) / 0.0).find("has NaN or infinite values"),
            std::string::npos);
}

TEST(HyCa, RollsWithTheSnapshotsItKeeps) {
  const EngineRun run = run_with(half_model(), "hyca:interval=3,history=rolling,solver=bdf2,keep=5", {.steps = 6});
  EXPECT_EQ(run.pattern(kBlock), "CCCFFC");
  // Damped by a third each step: slope 0.5 of channel 0.
  const double last = half_and_half(2, 0);
  EXPECT_NEAR(run.predictions[4][0].reshape({-1})[0].item<double>() - 1, last + 0.5 / 3 + 0.5 / 9, 1e-5);
}

TEST(HyCa, RefusesOptionsWithoutEffect) {
  const auto refusal = [](const std::string& options) { return refusal_in(half_model(), "hyca:" + options); };
  EXPECT_EQ(refusal("solver=am,clusters=3"),
            "--cache: hyca:clusters: has no effect with solver=am; accepted: leaving it out");
  EXPECT_EQ(refusal("solver=am,profile=x"),
            "--cache: hyca:profile: has no effect with solver=am; accepted: leaving it out");
  EXPECT_EQ(refusal("pool=tf/rk2"),
            "--cache: hyca:pool: has no effect without a profile of these sites; accepted: leaving it out");
  EXPECT_EQ(refusal("keep=5"), "--cache: hyca:keep: has no effect with history=anchored; accepted: leaving it out");
  const EngineRun plain = run_with(half_model(), "hyca", {.steps = 5});
  EXPECT_EQ(plain.events.front().reason,
            "window; no profile of model 'scripted' at these sites: solver tf for all channels");
}

}  // namespace
}  // namespace ditto::test
