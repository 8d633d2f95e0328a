// FORA: computed steps are counted from the end of the run, and all units act alike.

#include "caches/fora.h"

#include <gtest/gtest.h>

#include "policy_patterns.h"

namespace ditto::test {
namespace {

std::vector<int> computed_steps(const std::string& specification, int steps) {
  return steps_of(Patterns(specification, plain_topology(), steps).of("blocks.0.feed_forward"), 'C');
}

TEST(Fora, ComputesEveryThirdStepCountedFromTheLast) {
  EXPECT_EQ(computed_steps("fora", 20), (std::vector{0, 1, 4, 7, 10, 13, 16, 19}));
}

TEST(Fora, ComputesEveryFifthStepCountedFromTheLast) {
  EXPECT_EQ(computed_steps("fora:interval=5", 50), (std::vector{0, 4, 9, 14, 19, 24, 29, 34, 39, 44, 49}));
}

TEST(Fora, TreatsAllUnitsAndBranchesAlike) {
  const Patterns patterns("fora:interval=4", plain_topology(), 9);
  EXPECT_EQ(patterns.plan().sites.size(), 6U);
  for (const Site& site : patterns.plan().sites) {
    EXPECT_EQ(site.form, FeatureForm::kOutput);
    for (const Branch branch : kTwoBranches) EXPECT_EQ(patterns.of(site.name, branch), "CRRRCRRRC") << site.name;
  }
}

TEST(Fora, OfIntervalOneHasTheBitsOfNoPolicy) {
  const ToyModel model;
  EXPECT_TRUE(
      same_bits(run_toy(model, toy_request(), {"fora:interval=1"}).latents, run_toy(model, toy_request(), {}).latents));
}

TEST(Fora, PassesReusedOutputsThroughTheGateOfTheStep) {
  // Outputs are constant and gates change from step to step: reuse is exact only under the present gate.
  const ToyModel model({.feature = ToyFeature::kConstant});
  const Result cached = run_toy(model, toy_request(), {"fora"});
  EXPECT_EQ(cached.trace.pattern("blocks.1.self_attention", Branch::kUnconditional), "CRRCRRCRRC");
  EXPECT_TRUE(same_bits(cached.latents, run_toy(model, toy_request(), {}).latents));
}

TEST(Fora, RefusesAnIntervalOfZero) { EXPECT_THROW(parse_policy("fora:interval=0"), Error); }

}  // namespace
}  // namespace ditto::test
