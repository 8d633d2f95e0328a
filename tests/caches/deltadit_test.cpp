#include "caches/deltadit.h"

#include <algorithm>

#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>

#include "models/toy/toy_model.h"
#include "policy_run.h"
#include "runtime/rehearsal.h"

namespace ditto {
namespace {

using namespace test;

/// Blocks of one unit each that add a constant, but for those that add the step's index.
ScriptedModel with_moving(std::vector<int> moving, int blocks = 4) {
  Script script;
  script.blocks = blocks;
  script.output = [moving](int unit, int step, int, const at::Tensor& hidden) {
    const bool moves = std::ranges::find(moving, unit) != moving.end();
    return at::full_like(hidden, moves ? step : unit + 1);
  };
  return ScriptedModel(script);
}

TEST(DeltaDit, ComputesEverySecondStepAndTheLast) {
  const PolicyRun run = run_policy(with_moving({}), "deltadit", 6);
  EXPECT_EQ(steps_of(run.pattern("blocks.1-2"), 'C'), (std::vector<int>{0, 2, 4, 5}));
}

TEST(DeltaDit, ReusesTheLastBlocksFirstAndTheFirstOnesAfterwards) {
  const PolicyRun ten = run_policy(with_moving({}), "deltadit", 10);
  EXPECT_EQ(ten.pattern("blocks.0.feed_forward"), "CCCCCCCRCC");
  EXPECT_EQ(ten.pattern("blocks.1-2"), "CRCRCRCRCC");
  EXPECT_EQ(ten.pattern("blocks.3.feed_forward"), "CRCRCRCCCC");
  // The range changes at step 5, which is computed for that.
  const PolicyRun nine = run_policy(with_moving({}), "deltadit:interval=3", 9);
  EXPECT_EQ(nine.pattern("blocks.0.feed_forward"), "CCCCCCCRC");
  EXPECT_EQ(nine.pattern("blocks.1-2"), "CRRCRCCRC");
  EXPECT_EQ(nine.pattern("blocks.3.feed_forward"), "CRRCRCCCC");
}

TEST(DeltaDit, HasDisjointRangesWhenTheyAreShort) {
  const PolicyRun run = run_policy(with_moving({}), "deltadit:blocks=1,rear_steps=2,last=0", 4);
  EXPECT_EQ(run.pattern("blocks.0.feed_forward"), "CCCR");
  EXPECT_EQ(run.pattern("blocks.3.feed_forward"), "CRCC");
  EXPECT_EQ(run.units_computed, 4 * 4 - 2);
}

TEST(DeltaDit, KeepsOneRangeForAllStepsWhenAsked) {
  const PolicyRun rear = run_policy(with_moving({}), "deltadit:interval=3,blocks=3,rear_steps=8,last=0", 8);
  EXPECT_EQ(rear.pattern("blocks.1-3"), "CRRCRRCR");
  EXPECT_EQ(rear.events.size(), 8u);
  const PolicyRun front = run_policy(with_moving({}), "deltadit:interval=3,blocks=3,rear_steps=0,last=0", 8);
  EXPECT_EQ(front.pattern("blocks.0-2"), "CRRCRRCR");
}

TEST(DeltaDit, IsExactWhereTheRangeAddsAConstant) {
  const PolicySetup setup{.latent = [](int step) { return latent_of({0.25F * step}); }};
  const ScriptedModel constant = with_moving({});
  const PolicyRun full = run_policy(constant, "none", 10, setup);
  const PolicyRun cached = run_policy(constant, "deltadit", 10, setup);
  for (std::size_t step = 0; step < 10; ++step) {
    EXPECT_TRUE(same_bits(cached.predictions[step][0], full.predictions[step][0])) << step;
  }
  const ScriptedModel moving_head = with_moving({0});
  const PolicyRun moving = run_policy(moving_head, "none", 10, setup);
  const PolicyRun rear = run_policy(moving_head, "deltadit:rear_steps=10", 10, setup);
  EXPECT_EQ(rear.pattern(), "CRCRCRCRCC");
  for (std::size_t step = 0; step < 10; ++step) {
    EXPECT_TRUE(same_bits(rear.predictions[step][0], moving.predictions[step][0])) << step;
  }
}

TEST(DeltaDit, IsKnownBeforeTheRun) {
  const std::unique_ptr<CachePolicy> policy = factory_of({"deltadit"})();
  const ScriptedModel model = with_moving({});
  const std::vector<StepInfo> schedule = even_schedule(10);
  const Plan plan = policy->plan(model.topology(), schedule);
  const std::vector<RehearsedSite> rehearsed = rehearse(*policy, plan, schedule, kTwoBranches);
  ASSERT_EQ(rehearsed.size(), 6u);
  EXPECT_EQ(rehearsed[1].pattern, "CRCRCRCRCC");
  EXPECT_EQ(rehearsed[4].pattern, "CRCRCRCRCC");
}

TEST(DeltaDit, SwitchedOffGivesTheBitsOfNoPolicy) { EXPECT_TRUE(is_bit_exact(ToyModel(), "deltadit:interval=1")); }

TEST(DeltaDit, RefusesWhatCannotBe) {
  const Topology topology = with_moving({}).topology();
  std::string message = refusal_of("deltadit:blocks=5", topology, run_info(6));
  EXPECT_NE(message.find("deltadit:blocks: 5 is not possible; accepted: 1 to the 4 blocks"), std::string::npos)
      << message;
  message = refusal_of("deltadit:rear_steps=7", topology, run_info(6));
  EXPECT_NE(message.find("deltadit:rear_steps: 7 is not possible; accepted: 0 to the 6 steps"), std::string::npos)
      << message;
}

}  // namespace
}  // namespace ditto
