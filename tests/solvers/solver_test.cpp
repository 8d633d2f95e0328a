#include "solvers/solver.h"

#include <cmath>

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/mul.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "solvers/flow_sigmas.h"
#include "tolerances.h"

namespace ditto {
namespace {

// A velocity that depends on the state: v = x / 2 + sigma, as in the published trajectories.
at::Tensor toy_velocity(const at::Tensor& latent, double sigma) { return at::mul(latent, 0.5).add_(sigma); }

StepGrid sub_grid(const StepGrid& full, const std::vector<int>& nodes) {
  StepGrid grid{.sigmas = {}, .nodes = nodes};
  for (const int node : nodes) grid.sigmas.push_back(full.sigmas[node]);
  grid.sigmas.push_back(0);
  return grid;
}

std::vector<double> trajectory(Solver& solver, const StepGrid& grid) {
  solver.begin(grid);
  at::Tensor latent = at::full({1}, 1.0, at::kFloat);
  std::vector<double> values;
  for (int index = 0; index < grid.size(); ++index) {
    latent = solver.advance(toy_velocity(latent, grid.sigmas[index]), index, latent);
    values.push_back(latent.item<double>());
  }
  return values;
}

void expect_near(const std::vector<double>& actual, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], tolerance) << "entry " << i;
}

std::vector<double> timesteps(const Solver& solver, const StepGrid& grid) {
  std::vector<double> values;
  for (int index = 0; index < grid.size(); ++index) values.push_back(solver.timestep(grid.sigmas[index]));
  return values;
}

class UniPc : public ::testing::Test {
 protected:
  std::unique_ptr<Solver> solver_ = make_solver("unipc", {.shift = 3});
  StepGrid full_ = solver_->full_grid(50);
};

TEST_F(UniPc, FiveStepsFollowThePublishedGridAndTrajectory) {
  const StepGrid grid = solver_->full_grid(5);
  EXPECT_EQ(grid.nodes, (std::vector<int>{0, 1, 2, 3, 4}));
  expect_near(grid.sigmas, {0.9999990, 0.9231657, 0.8184296, 0.6672218, 0.4297945, 0}, test::tolerance::kClosedForm);
  EXPECT_EQ(timesteps(*solver_, grid), (std::vector<double>{999, 923, 818, 667, 429}));
  expect_near(trajectory(*solver_, grid), {0.8847501, 0.7465664, 0.5848333, 0.3982259, 0.1279249},
              test::tolerance::kSolverFloat32);
}

TEST_F(UniPc, FiftyStepsVisitThePublishedTimesteps) {
  const std::vector<double> visited = timesteps(*solver_, full_);
  EXPECT_EQ(std::vector<double>(visited.begin(), visited.begin() + 5), (std::vector<double>{999, 993, 986, 979, 971}));
  EXPECT_EQ(std::vector<double>(visited.end() - 5, visited.end()), (std::vector<double>{251, 208, 162, 113, 60}));
  EXPECT_NEAR(trajectory(*solver_, full_).back(), 0.2459008, test::tolerance::kSolverFloat32);
}

TEST_F(UniPc, SubSchedulesFollowTheVectors) {
  const StepGrid even = sub_grid(full_, {0, 10, 20, 30, 40});
  expect_near(trajectory(*solver_, even), {.8847501, .7465657, .5848333, .3982261, .1279251},
              test::tolerance::kSolverFloat32);
  const StepGrid seven = sub_grid(full_, {0, 5, 12, 20, 30, 40, 47});
  EXPECT_EQ(timesteps(*solver_, seven), (std::vector<double>{999, 964, 904, 818, 667, 429, 162}));
  expect_near(trajectory(*solver_, seven), {.9464875, .8622179, .7527099, .5866567, .3985999, .3097576, .2579633},
              test::tolerance::kSolverFloat32);
  const StepGrid ten = sub_grid(full_, {0, 1, 3, 8, 16, 26, 36, 44, 48, 49});
  expect_near(trajectory(*solver_, ten),
              {.9898766, .9689999, .9128098, .8098996, .6556522, .4738238, .3346099, .2992444, .2842533, .2720192},
              test::tolerance::kSolverFloat32);
}

TEST_F(UniPc, APartOfTheGridHasThePublishedNoiseLevels) {
  const std::vector<double> expected = {.9999990, .9643240, .9048753, .8184297, .6672219, .4297945, .1629586, 0};
  const StepGrid seven = sub_grid(full_, {0, 5, 12, 20, 30, 40, 47});
  ASSERT_EQ(seven.sigmas.size(), expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    EXPECT_NEAR(seven.sigmas[k], expected[k], test::tolerance::kClosedForm);
  }
}

TEST_F(UniPc, StepsWithoutCorrectorAreNotCorrected) {
  const auto plain = make_solver("unipc", {.shift = 3, .steps_without_corrector = {0, 1, 2, 3, 4, 5, 6}});
  const StepGrid seven = sub_grid(full_, {0, 5, 12, 20, 30, 40, 47});
  EXPECT_NEAR(trajectory(*plain, seven).back(), .2489625, test::tolerance::kSolverFloat32);
}

TEST_F(UniPc, OneStepEndsAtTheDataPrediction) {
  const StepGrid grid = solver_->full_grid(1);
  const double sigma = static_cast<float>(grid.sigmas[0]);
  EXPECT_NEAR(trajectory(*solver_, grid).at(0), 1 - sigma * (0.5 + sigma), test::tolerance::kSolverFloat32);
}

TEST_F(UniPc, AGridThatStartsAtOneIsMovedBelowIt) {
  StepGrid moved = full_;
  moved.sigmas[0] = 1;
  EXPECT_TRUE(std::isfinite(trajectory(*solver_, moved).back()));
}

TEST(FlowEuler, GridsFollowTheDoubleShift) {
  const auto solver = make_solver("euler", {.shift = 3});
  expect_near(solver->full_grid(4).sigmas, {1, 0.8576923, 0.6021506, 0.0089286, 0}, test::tolerance::kClosedForm);
  const StepGrid fifty = solver->full_grid(50);
  expect_near({fifty.sigmas.end() - 5, fifty.sigmas.end()}, {0.1702958, 0.1205327, 0.0669002, 0.0089286, 0},
              test::tolerance::kClosedForm);
  EXPECT_EQ(solver->timestep(fifty.sigmas[0]), 1000);
  EXPECT_NEAR(solver->timestep(fifty.sigmas[49]), 8.92857, 1e-4);
  EXPECT_EQ(solver->full_grid(1).sigmas, (std::vector<double>{1, 0}));
}

TEST(FlowEuler, SubSchedulesFollowTheVectors) {
  const auto solver = make_solver("euler", {.shift = 3});
  const StepGrid full = make_solver("unipc", {.shift = 3})->full_grid(50);
  const StepGrid seven = sub_grid(full, {0, 5, 12, 20, 30, 40, 47});
  EXPECT_NEAR(trajectory(*solver, seven).back(), .1386717, test::tolerance::kSolverFloat32);
}

class EverySolver : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Solver> solver_ = make_solver(GetParam(), {.shift = 3});
};

TEST_P(EverySolver, ACloneContinuesWithTheSameBits) {
  const StepGrid grid = solver_->full_grid(8);
  solver_->begin(grid);
  at::Tensor latent = at::linspace(-2, 2, 64, at::kFloat).view({1, 4, 4, 4});
  std::unique_ptr<Solver> branch;
  at::Tensor branch_latent;
  for (int index = 0; index < 8; ++index) {
    if (index == 3) {
      branch = solver_->clone();
      branch_latent = latent.clone();
    }
    latent = solver_->advance(toy_velocity(latent, grid.sigmas[index]), index, latent);
  }
  ASSERT_EQ(branch->name(), solver_->name());
  for (int index = 3; index < 8; ++index) {
    branch_latent = branch->advance(toy_velocity(branch_latent, grid.sigmas[index]), index, branch_latent);
  }
  EXPECT_TRUE(at::equal(latent, branch_latent));
}

TEST_P(EverySolver, BeginForgetsTheLastRun) {
  const StepGrid grid = solver_->full_grid(6);
  const std::vector<double> first = trajectory(*solver_, grid);
  EXPECT_EQ(trajectory(*solver_, grid), first);
}

TEST_P(EverySolver, InputsAreLeftAlone) {
  const StepGrid grid = solver_->full_grid(4);
  solver_->begin(grid);
  at::Tensor latent = at::linspace(-1, 1, 16, at::kFloat);
  for (int index = 0; index < 4; ++index) {
    const at::Tensor velocity = toy_velocity(latent, grid.sigmas[index]);
    const at::Tensor latent_before = latent.clone(), velocity_before = velocity.clone();
    const at::Tensor next = solver_->advance(velocity, index, latent);
    EXPECT_TRUE(at::equal(latent, latent_before) && at::equal(velocity, velocity_before));
    latent = next;
  }
}

TEST_P(EverySolver, InputsMayBeOverwrittenAfterwards) {
  const StepGrid grid = solver_->full_grid(5);
  at::Tensor expected = at::linspace(-1, 1, 16, at::kFloat), latent = expected.clone();
  const auto untouched = solver_->clone();
  untouched->begin(grid);
  solver_->begin(grid);
  for (int index = 0; index < 5; ++index) {
    expected = untouched->advance(toy_velocity(expected, grid.sigmas[index]), index, expected);
    const at::Tensor next = solver_->advance(toy_velocity(latent, grid.sigmas[index]), index, latent);
    latent.zero_();
    latent = next;
  }
  EXPECT_TRUE(at::equal(latent, expected));
}

TEST_P(EverySolver, FusedGuidanceIsGuidance) {
  const auto unfused = make_solver(GetParam(), {.shift = 3, .kernels = KernelMode::kReference});
  const StepGrid grid = solver_->full_grid(6);
  solver_->begin(grid);
  unfused->begin(grid);
  at::Tensor fused = at::linspace(-1, 1, 40, at::kFloat), expected = fused;
  for (int index = 0; index < grid.size(); ++index) {
    const auto velocity = [&](const at::Tensor& latent) {
      return kernels::Velocity(toy_velocity(latent, grid.sigmas[index]), at::mul(latent, 0.3), 3.5);
    };
    fused = solver_->advance(velocity(fused), index, fused);
    expected = unfused->advance(kernels::guided(velocity(expected)), index, expected);
    EXPECT_TRUE(at::allclose(fused, expected, 0, test::tolerance::kSolverFloat32)) << "step " << index;
  }
}

TEST_P(EverySolver, StepsOutOfOrderAreRefused) {
  const StepGrid grid = solver_->full_grid(3);
  solver_->begin(grid);
  const at::Tensor latent = at::full({2}, 1.0, at::kFloat);
  EXPECT_THROW(solver_->advance(latent, 1, latent), c10::Error);
  solver_->advance(latent, 0, latent);
  EXPECT_THROW(solver_->advance(latent, 0, latent), c10::Error);
}

TEST_P(EverySolver, GridsThatDoNotFallAreRefused) {
  EXPECT_THROW(solver_->begin({.sigmas = {0.9, 0.9, 0}, .nodes = {0, 1}}), c10::Error);
  EXPECT_THROW(solver_->begin({.sigmas = {0.9, 0.5}, .nodes = {0}}), c10::Error);
  EXPECT_THROW(solver_->begin({}), c10::Error);
}

TEST_P(EverySolver, StepCountsBelowOneAreRefused) {
  try {
    solver_->full_grid(0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_STREQ(error.what(), "steps: 0 is not accepted; give a positive integer");
  }
}

INSTANTIATE_TEST_SUITE_P(Solvers, EverySolver, ::testing::Values("unipc", "euler"),
                         [](const auto& info) { return info.param; });

TEST(MakeSolver, UnknownNamesListTheAcceptedOnes) {
  try {
    make_solver("ddim", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_STREQ(error.what(), "solver: \"ddim\" is unknown; accepted: unipc, euler");
  }
}

TEST(MakeSolver, OptionsOutOfRangeAreRefused) {
  EXPECT_THROW(make_solver("unipc", {.shift = 0}), Error);
  EXPECT_THROW(make_solver("euler", {.shift = std::nan("")}), Error);
  EXPECT_THROW(make_solver("euler", {.train_timesteps = 0}), Error);
}

}  // namespace
}  // namespace ditto
