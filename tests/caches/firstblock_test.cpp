#include <ATen/TensorOperators.h>
#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>

#include "caches/feature_sites.h"
#include "caches/patterns.h"
#include "core/stacked_policy.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

/// The first of three blocks changes the state by `change(step)`, the others by 100 + step.
ScriptedModel head_model(std::function<std::vector<float>(int step, int branch)> change, int channels = 1) {
  Script script;
  script.blocks = 3;
  script.output = [change](int unit, int step, int branch, const at::Tensor& hidden) {
    return unit == 0 ? row_of(change(step, branch)) : at::full_like(hidden, 100.0 + step);
  };
  return ScriptedModel(std::move(script), channels);
}

at::Tensor moving_latent(int step, const EngineRun&) { return latent_of({10.0F * step}); }

/// Published vector: changes [1, 2] and [1.05, 2.05] are 0.0333 apart.
TEST(FirstBlock, ComparesRelativelyInTheMean) {
  const ScriptedModel model = head_model(
      [](int step, int) {
        return step == 0 ? std::vector<float>{1, 2} : std::vector<float>{1.05F, 2.05F};
      },
      2);
  const auto run = [&](const std::string& threshold) {
    return run_engine(model, "firstblock:threshold=" + threshold, 2, [](int, const EngineRun&) {
      return latent_of({0.0F, 0.0F});
    });
  };
  EXPECT_EQ(run("0.05").pattern("blocks.1-2"), "CR");
  EXPECT_EQ(run("0.03").pattern("blocks.1-2"), "CC");
  EXPECT_NEAR(run("0.03").events.back().score.value(), 0.1 / 3, tolerance::kClosedForm);
}

TEST(FirstBlock, ComputesOnceWhenNothingChanges) {
  const ScriptedModel model = head_model([](int, int) { return std::vector<float>{1}; });
  EXPECT_EQ(run_engine(model, "firstblock:first=0", 6, moving_latent).pattern("blocks.1-2"), "CRRRRR");
}

/// Published pattern: 3 % a step against the last computed step, threshold 0.08.
TEST(FirstBlock, MeasuresAgainstTheLastComputedStep) {
  const ScriptedModel model = head_model([](int step, int) { return std::vector<float>{1 + 0.03F * step}; });
  const EngineRun run = run_engine(model, "firstblock:threshold=0.08", 4, moving_latent);
  EXPECT_EQ(run.pattern("blocks.1-2"), "CRRC");
  EXPECT_NEAR(run.events[2].score.value(), 0.06, 1e-5);
  EXPECT_NEAR(run.events[3].score.value(), 0.09, 1e-5);
}

TEST(FirstBlock, ReusesTheChangeOfTheRestOnTopOfTheFreshFirstBlock) {
  const ScriptedModel model = head_model([](int step, int) { return std::vector<float>{1 + 0.01F * step}; });
  const EngineRun run = run_engine(model, "firstblock", 2, moving_latent);
  EXPECT_NEAR(number(run.predictions[1][0]), 10 + 1.01 + 2 * 100, 1e-4);
  EXPECT_EQ(run.counts.units_computed, 3 + 1);
}

TEST(FirstBlock, ReusesAtEquality) {
  const ScriptedModel model = head_model([](int step, int) { return std::vector<float>{step == 0 ? 1.0F : 1.5F}; });
  EXPECT_EQ(run_engine(model, "firstblock:threshold=0.5", 2, moving_latent).pattern("blocks.1-2"), "CR");
}

/// Reuses the conditional prediction in step 2, so that nothing below it is asked for that branch.
class OneConditionalPrediction : public CachePolicy {
 public:
  Plan plan(const Topology& topology, std::span<const StepInfo>) override {
    return {sites_of_level("prediction", topology, 1)};
  }
  Decision decide(const DecisionPoint& point) override {
    const bool reuses = point.branch == Branch::kConditional && point.step.index == 2;
    return reuses ? Decision::reuse("test") : Decision::recompute("test");
  }
};

TEST(FirstBlock, JudgesTheOtherBranchWhenTheConditionalOneWasNotAsked) {
  const ScriptedModel model =
      head_model([](int step, int branch) { return std::vector<float>{branch == 1 && step == 2 ? 2.0F : 1.0F}; });
  std::vector<std::unique_ptr<CachePolicy>> stack;
  stack.push_back(std::make_unique<OneConditionalPrediction>());
  stack.push_back(factory_of({"firstblock:branch=conditional"})());
  StackedPolicy policy(std::move(stack));
  EngineSetup setup;
  setup.branches = kBothBranches;
  const EngineRun run = run_engine(model, policy, 3, moving_latent, setup);
  EXPECT_EQ(run.pattern("blocks.1-2"), "CR-");
  EXPECT_EQ(run.pattern("blocks.1-2", Branch::kUnconditional), "CRC");
}

TEST(FirstBlock, LetsEachBranchDecide) {
  const ScriptedModel model =
      head_model([](int step, int branch) { return std::vector<float>{1 + (branch == 0 ? 0.03F : 0.05F) * step}; });
  for (const std::int64_t max_batched_tokens : {0, 2048}) {
    const EngineRun run = run_engine(model, "firstblock:threshold=0.08", 5, moving_latent,
                                     {kBothBranches, {}, {.max_batched_tokens = max_batched_tokens}});
    EXPECT_EQ(run.pattern("blocks.1-2"), "CRRCR");
    EXPECT_EQ(run.pattern("blocks.1-2", Branch::kUnconditional), "CRCRC");
  }
}

TEST(FirstBlock, ComputesTheFirstAndLastSteps) {
  const ScriptedModel model = head_model([](int, int) { return std::vector<float>{1}; });
  EXPECT_EQ(run_engine(model, "firstblock:first=3,last=2", 8, moving_latent).pattern("blocks.1-2"), "CCCRRRCC");
}

TEST(FirstBlock, ComputesWhatItCannotMeasure) {
  const ScriptedModel model = head_model([](int, int) { return std::vector<float>{0}; });
  EXPECT_EQ(run_engine(model, "firstblock", 4, moving_latent).pattern("blocks.1-2"), "CCCC") << "nothing to divide by";
  const ScriptedModel still = head_model([](int, int) { return std::vector<float>{1}; });
  EXPECT_EQ(run_engine(still, "firstblock", 4, moving_latent, {kBothBranches, {}, {.max_cache_bytes = 0}})
                .pattern("blocks.1-2"),
            "CCCC")
      << "no room for what it compares with";
}

TEST(FirstBlock, LeavesMoreBlocksAlone) {
  const ScriptedModel model = head_model([](int, int) { return std::vector<float>{1}; });
  const EngineRun run = run_engine(model, "firstblock:first_blocks=2", 3, moving_latent);
  EXPECT_EQ(run.counts.units_computed, 3 + 2 + 2);
  EXPECT_EQ(run.events.front().site, "blocks.2.feed_forward");
}

TEST(FirstBlock, RefusesToLeaveNothing) {
  EXPECT_EQ(run_refusal({"firstblock:first_blocks=3"}, toy_request()),
            "--cache: firstblock:first_blocks: 3 leaves nothing to reuse; accepted: at most 2 of the model's 3 blocks");
}

TEST(FirstBlock, OfThresholdZeroIsFullCompute) { EXPECT_TRUE(is_full_compute("firstblock:threshold=0,first=0")); }

}  // namespace
}  // namespace ditto::test
