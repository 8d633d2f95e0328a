#include <ATen/TensorOperators.h>

#include <gtest/gtest.h>

#include "caches/patterns.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

std::vector<int> visited(int compute, int steps) {
  const std::string specification = "steps:compute=" + std::to_string(compute);
  return run_toy(ToyModel(), toy_request(steps), {specification}).trace.run.grid.nodes;
}

TEST(Steps, VisitsAnEvenSubGrid) {
  EXPECT_EQ(visited(5, 10), (std::vector<int>{0, 2, 4, 6, 8}));
  EXPECT_EQ(visited(4, 10), (std::vector<int>{0, 3, 5, 8}));
  EXPECT_EQ(visited(1, 10), std::vector<int>{0});
  EXPECT_EQ(visited(3, 4), (std::vector<int>{0, 1, 3}));
}

TEST(Steps, KeepsTheNoiseLevelsOfTheNodesItVisits) {
  const ToyModel toy;
  const StepGrid full = run_toy(toy, toy_request(10), {}).trace.run.grid;
  const Result result = run_toy(toy, toy_request(10), {"steps:compute=4"});
  const StepGrid& grid = result.trace.run.grid;
  ASSERT_EQ(grid.sigmas.size(), 5U);
  for (std::size_t k = 0; k < 4; ++k) EXPECT_EQ(grid.sigmas[k], full.sigmas[static_cast<std::size_t>(grid.nodes[k])]);
  EXPECT_EQ(grid.sigmas.back(), 0);
  EXPECT_EQ(result.counts.units_computed, 4 * 2 * 9);
  EXPECT_EQ(result.units_total, 10 * 2 * 9);
}

/// Under Euler's rule, x += step * v, reuse of the whole prediction is a jump over the step.
TEST(Steps, AreWhatReuseOfThePredictionAmountsTo) {
  const auto final_latent = [](const std::string& specification, int steps, double step_size) {
    Script script;
    script.output = [](int, int, int, const at::Tensor& hidden) { return hidden * -0.5; };
    at::Tensor latent = latent_of({1.0F});
    const EngineRun run =
        run_engine(ScriptedModel(script), specification, steps, [&](int step, const EngineRun& so_far) {
          if (step > 0) latent = latent - step_size * so_far.predictions.back()[0];
          return latent;
        });
    return number(latent - step_size * run.predictions.back()[0]);
  };
  EXPECT_NEAR(final_latent("interval:interval=3,site=prediction", 12, 0.1), final_latent("none", 4, 0.3),
              tolerance::kClosedForm);
}

TEST(Steps, OfNoneOrAllIsFullCompute) {
  EXPECT_TRUE(is_full_compute("steps:compute=0"));
  EXPECT_TRUE(is_full_compute("steps:compute=10"));
}

TEST(Steps, RefusesMoreThanThereAre) {
  EXPECT_EQ(run_refusal({"steps:compute=11"}, toy_request(10)),
            "--cache: steps:compute: 11 is not possible; accepted: 0 to the 10 steps of the run");
  EXPECT_EQ(run_refusal({"steps:compute=8", "steps:compute=9"}, toy_request(10)),
            "--cache: steps:compute: 9 is not possible; accepted: 0 to the 8 steps of the run");
}

}  // namespace
}  // namespace ditto::test
