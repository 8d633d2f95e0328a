#include <string>

#include <ATen/ops/mul.h>

#include <gtest/gtest.h>

#include "io/safetensors.h"
#include "solvers/solver.h"
#include "test_paths.h"
#include "tolerances.h"

namespace ditto {
namespace {

/// Largest difference as if the sample had unit size: the noise of the fixtures reaches 3.
double difference(const at::Tensor& actual, const at::Tensor& expected) {
  return actual.to(at::kFloat).sub(expected).abs().max().item<double>() / expected.abs().max().item<double>();
}

class SolverParity : public ::testing::TestWithParam<const char*> {
 protected:
  at::Tensor fixture(const std::string& name) const { return fixtures_.tensor(GetParam() + ("." + name)); }

  /// The sample after every step against `expected` [steps, values]; velocity v = x / 2 + sigma, rounded to `dtype`.
  /// Every step starts from the expected sample: a last bit must not flip the rounding of a later velocity.
  void expect_trajectory(const StepGrid& grid, const at::Tensor& expected, at::ScalarType dtype) const {
    const auto solver = make_solver(GetParam(), {.shift = 3});
    solver->begin(grid);
    at::Tensor sample = fixtures_.tensor("sample");
    ASSERT_EQ(expected.size(0), grid.size());
    for (int step = 0; step < grid.size(); ++step) {
      const at::Tensor velocity = at::mul(sample, 0.5).add_(static_cast<float>(grid.sigmas[step]));
      EXPECT_LE(difference(solver->advance(velocity.to(dtype), step, sample), expected[step]),
                test::tolerance::kSolverFloat32)
          << "after step " << step;
      sample = expected[step];
    }
  }

  SafetensorsFile fixtures_{test::data_path("wan/solvers.safetensors")};
};

TEST_P(SolverParity, GridsAndTimestepsAreThoseOfDiffusers) {
  for (const int shift : {1, 3, 5, 8}) {
    const auto solver = make_solver(GetParam(), {.shift = static_cast<double>(shift)});
    for (const int steps : {1, 2, 4, 5, 20, 50}) {
      const std::string prefix = "shift" + std::to_string(shift) + ".steps" + std::to_string(steps) + ".";
      SCOPED_TRACE(prefix);
      const at::Tensor sigmas = fixture(prefix + "sigmas"), timesteps = fixture(prefix + "timesteps");
      const StepGrid grid = solver->full_grid(steps);
      ASSERT_EQ(grid.size(), steps);
      for (int i = 0; i <= steps; ++i) {
        EXPECT_EQ(static_cast<float>(grid.sigmas[i]), sigmas[i].item<float>()) << "sigma " << i;
      }
      for (int i = 0; i < steps; ++i) {
        EXPECT_EQ(solver->timestep(grid.sigmas[i]), timesteps[i].item<double>()) << "timestep " << i;
      }
    }
  }
}

TEST_P(SolverParity, TrajectoriesAreThoseOfDiffusers) {
  const auto solver = make_solver(GetParam(), {.shift = 3});
  for (const int steps : {1, 2, 3, 5, 10, 50}) {
    SCOPED_TRACE(steps);
    const std::string name = ".steps" + std::to_string(steps);
    expect_trajectory(solver->full_grid(steps), fixture("trajectory" + name), at::kFloat);
    expect_trajectory(solver->full_grid(steps), fixture("trajectory_bf16" + name), at::kBFloat16);
  }
}

TEST_P(SolverParity, SubGridsAreVisitedAsDiffusersDoes) {
  const auto solver = make_solver(GetParam(), {.shift = 3});
  const StepGrid full = solver->full_grid(50);
  const at::Tensor nodes = fixture("subgrid.nodes"), timesteps = fixture("subgrid.timesteps");
  StepGrid grid;
  for (std::int64_t i = 0; i < nodes.size(0); ++i) {
    const int node = nodes[i].item<int>();
    grid.nodes.push_back(node);
    grid.sigmas.push_back(full.sigmas[node]);
    EXPECT_EQ(solver->timestep(full.sigmas[node]), timesteps[i].item<double>());
  }
  grid.sigmas.push_back(0);
  expect_trajectory(grid, fixture("subgrid.trajectory"), at::kFloat);
}

INSTANTIATE_TEST_SUITE_P(Solvers, SolverParity, ::testing::Values("unipc", "euler"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ditto
