// BWCache: the trigger, the windows in which reuse is allowed, and what is reused.

#include "caches/bwcache.h"

#include <cmath>
#include <limits>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>

#include <gtest/gtest.h>

#include "policy_patterns.h"
#include "scripted_model.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

constexpr const char* kOneBlock = "blocks.0.feed_forward";

PolicyRun run_scripted(const Script& script, const std::string& policy, int steps, const PolicySetup& setup = {}) {
  const c10::InferenceMode inference;
  const ScriptedModel model(script, static_cast<int>(setup.latent(0).size(1)));
  return run_policy(model, policy, steps, setup);
}

/// One block whose output is `value(step)`; nothing is embedded.
Script block_of_values(std::function<double(int step, int branch)> value) {
  Script script;
  script.embedded = [](int, int, const at::Tensor& latent) { return at::zeros_like(latent); };
  script.output = [value = std::move(value)](int, int step, int branch, const at::Tensor& hidden) {
    return at::full_like(hidden, value(step, branch));
  };
  return script;
}

/// The output doubles at every step before step `trigger`, counted from 1, and then stands still.
Script settling_at(int trigger) {
  return block_of_values([trigger](int step, int) { return std::exp2(std::min(step, trigger - 2)); });
}

TEST(BwCache, ReusesInPeriodsAndComputesTheLastHalfOfTheTriggerStep) {
  EXPECT_EQ(run_scripted(settling_at(4), "bwcache:max_reuse=1", 12).pattern(kOneBlock), "CCCCRCRCRCCC");
  EXPECT_EQ(run_scripted(settling_at(10), "bwcache:max_reuse=3", 30).pattern(kOneBlock),
            "CCCCCCCCCC"
            "RRRCRRRCRRRCRRR"
            "CCCCC");
}

TEST(BwCache, ReusesATenthOfTheStepsAtATime) {
  EXPECT_EQ(run_scripted(settling_at(10), "bwcache", 30).pattern(kOneBlock),
            "CCCCCCCCCC"
            "RRRCRRRCRRRCRRR"
            "CCCCC");
  EXPECT_EQ(run_scripted(settling_at(2), "bwcache", 50).pattern(kOneBlock).substr(0, 10), "CCRRRRRCRR");
  EXPECT_EQ(run_scripted(settling_at(2), "bwcache", 150).pattern(kOneBlock).substr(0, 19), "CCRRRRRRRRRRRRRRRCR");
}

TEST(BwCache, WithoutThresholdTriggersAtTheSecondStep) {
  const Script growing = block_of_values([](int step, int) { return std::exp2(step); });
  const std::string pattern = run_scripted(growing, "bwcache:threshold=1e9", 30).pattern(kOneBlock);
  EXPECT_EQ(pattern,
            "CC"
            "RRRCRRRCRRRCRRRCRRRCRRRCRRR"
            "C");
  EXPECT_EQ(steps_of(pattern, 'R').size(), 21U);
}

TEST(BwCache, KnowsThreeRulesForTheTail) {
  const auto pattern = [](const std::string& rule) {
    return run_scripted(settling_at(4), "bwcache:max_reuse=1,tail_rule=" + rule, 12).pattern(kOneBlock);
  };
  EXPECT_EQ(pattern("k_half"), "CCCCRCRCRCCC");
  EXPECT_EQ(pattern("half_remaining"), "CCCCRCRCCCCC");
  EXPECT_EQ(pattern("none"), "CCCCRCRCRCRC");
}

TEST(BwCache, ComputesFullyWhenTheTriggerComesTooLate) {
  EXPECT_EQ(run_scripted(settling_at(8), "bwcache", 12).pattern(kOneBlock), "CCCCCCCCCCCC");
}

PolicySetup three_channels() {
  return {.latent = [](int) { return latent_of({0.7F, 0.7F, 0.7F}); }};
}

/// Two blocks of three channels with the published outputs; from the second step on they stand still.
Script published_outputs() {
  Script script;
  script.blocks = 2;
  script.output = [](int unit, int step, int, const at::Tensor& hidden) {
    const at::Tensor first = step == 0 ? row_of({1, -1, 2}) : row_of({1.1F, -1.2F, 2});
    const at::Tensor second = step == 0 ? row_of({4, 0, 0}) : row_of({3.6F, 0, 0});
    return (unit == 0 ? first : second) - hidden;
  };
  return script;
}

TEST(BwCache, MeasuresTheMeanOverBlocksRelativeToTheStepBefore) {
  const PolicyRun run = run_scripted(published_outputs(), "bwcache:indicator_blocks=all", 4, three_channels());
  EXPECT_EQ(run.pattern("blocks.0-1"), "CCRC");
  EXPECT_NEAR(run.events[2].score.value(), 0.0875, tolerance::kClosedForm);
  EXPECT_FALSE(run.events[1].score.has_value());
  const PolicyRun stricter =
      run_scripted(published_outputs(), "bwcache:indicator_blocks=all,threshold=0.087", 6, three_channels());
  EXPECT_EQ(stricter.pattern("blocks.0-1"), "CCCRCC");
}

TEST(BwCache, MeasuresOnlyTheBlocksOfTheIndicator) {
  const auto score = [](const std::string& blocks) {
    const PolicyRun run = run_scripted(published_outputs(), "bwcache:indicator_blocks=" + blocks, 4, three_channels());
    return run.events[2].score.value();
  };
  EXPECT_NEAR(score("0"), 0.075, tolerance::kClosedForm);
  EXPECT_NEAR(score("1"), 0.1, tolerance::kClosedForm);
  EXPECT_NEAR(score("half"), 0.1, tolerance::kClosedForm);
  EXPECT_NEAR(score("1/0/1"), 0.0875, tolerance::kClosedForm);
}

TEST(BwCache, ComparesExactlyBelowTheThreshold) {
  // 0.5 and 1 are exact: a change of exactly the threshold computes.
  const Script growing = block_of_values([](int step, int) { return std::exp2(step); });
  EXPECT_EQ(run_scripted(growing, "bwcache:threshold=1", 8).pattern(kOneBlock), "CCCCCCCC");
  EXPECT_EQ(run_scripted(growing, "bwcache:threshold=1.001", 8).pattern(kOneBlock), "CCRCRCRC");
}

TEST(BwCache, DecidesForBothBranchesFromTheirMean) {
  // The conditional output grows by 5 % a step, the other one by 35 %.
  const Script script = block_of_values([](int step, int branch) { return std::pow(branch == 0 ? 1.05 : 1.35, step); });
  for (const std::int64_t batched_tokens : {0, 2048}) {
    const PolicySetup setup{.branches = kTwoBranches, .options = {.max_batched_tokens = batched_tokens}};
    const PolicyRun above = run_scripted(script, "bwcache:threshold=0.19", 8, setup);
    const PolicyRun below = run_scripted(script, "bwcache:threshold=0.21", 8, setup);
    for (const Branch branch : kTwoBranches) {
      EXPECT_EQ(above.pattern(kOneBlock, branch), "CCCCCCCC");
      EXPECT_EQ(below.pattern(kOneBlock, branch), "CCRCRCRC");
    }
    EXPECT_NEAR(below.events[4].score.value(), 0.2, tolerance::kClosedForm);
    EXPECT_EQ(below.predictions[2][0].item<float>(), below.predictions[1][0].item<float>());
    EXPECT_EQ(below.predictions[2][1].item<float>(), below.predictions[1][1].item<float>());
  }
}

TEST(BwCache, RetestsAtRefreshesOnlyWhenAsked) {
  // Settles at step 4; doubles once more at the first refresh, step 6.
  const Script script =
      block_of_values([](int step, int) { return std::exp2(std::min(step, 2)) * (step >= 5 ? 2 : 1); });
  EXPECT_EQ(run_scripted(script, "bwcache:max_reuse=1", 12).pattern(kOneBlock), "CCCCRCRCRCCC");
  const PolicyRun retested = run_scripted(script, "bwcache:max_reuse=1,retest_on_refresh=true", 12);
  EXPECT_EQ(retested.pattern(kOneBlock), "CCCCRCCRCRCC");
  EXPECT_NEAR(retested.events[6].score.value(), 1.0, tolerance::kClosedForm);
}

TEST(BwCache, ReusesTheStateOrTheChangeMadeByAllBlocks) {
  Script script = block_of_values([](int, int) { return 5.0; });
  script.embedded = {};
  const PolicySetup setup{.latent = [](int step) { return latent_of({10.0F + static_cast<float>(step)}); }};
  const PolicyRun state = run_scripted(script, "bwcache:threshold=1", 6, setup);
  ASSERT_EQ(state.pattern(kOneBlock), "CCRCRC");
  EXPECT_EQ(state.predictions[2][0].item<float>(), 16.0F);
  EXPECT_EQ(state.predictions[4][0].item<float>(), 18.0F);
  const PolicyRun delta = run_scripted(script, "bwcache:threshold=1,reuse=delta", 6, setup);
  ASSERT_EQ(delta.pattern(kOneBlock), "CCRCRC");
  for (int step = 0; step < 6; ++step) {
    EXPECT_EQ(delta.predictions[static_cast<std::size_t>(step)][0].item<float>(), 15.0F + static_cast<float>(step));
  }
}

TEST(BwCache, IsExactWhereOutputsAreConstantInTime) {
  Script script = published_outputs();
  script.output = [](int unit, int, int, const at::Tensor& hidden) { return hidden * 0.3 + (unit + 1); };
  const PolicyRun full = run_scripted(script, "none", 10, three_channels());
  const PolicyRun cached = run_scripted(script, "bwcache:threshold=0.001", 10, three_channels());
  EXPECT_EQ(cached.pattern("blocks.0-1"), "CCRCRCRCRC");
  for (std::size_t step = 0; step < full.predictions.size(); ++step) {
    EXPECT_TRUE(same_bits(cached.predictions[step][0], full.predictions[step][0])) << step;
  }
}

TEST(BwCache, TakesAStateThatStaysZeroForUnchangedAndOneThatLeavesItForInfinitelyChanged) {
  EXPECT_EQ(run_scripted(block_of_values([](int, int) { return 0.0; }), "bwcache", 6).pattern(kOneBlock), "CCRCRC");
  const PolicyRun leaves =
      run_scripted(block_of_values([](int step, int) { return step == 0 ? 0.0 : 1.0; }), "bwcache", 6);
  EXPECT_EQ(leaves.pattern(kOneBlock), "CCCRCC");
  EXPECT_TRUE(std::isinf(leaves.events[2].score.value()));
}

TEST(BwCache, ComputesWhileFeaturesAreNotFinite) {
  const Script script = block_of_values([](int, int) { return std::numeric_limits<double>::quiet_NaN(); });
  EXPECT_EQ(run_scripted(script, "bwcache:threshold=1e9", 6).pattern(kOneBlock), "CCCCCC");
}

TEST(BwCache, ComputesWhenItsOutputsAreOverTheByteBudget) {
  const PolicySetup setup{.options = {.max_cache_bytes = 0}};
  const PolicyRun run = run_scripted(settling_at(2), "bwcache", 6, setup);
  EXPECT_EQ(run.pattern(kOneBlock), "CCCCCC");
  EXPECT_EQ(run.events[3].reason, "no outputs to compare with");
}

TEST(BwCache, ComputesWhileAnotherPolicyReusesTheBlocksItWatches) {
  const Result result = run_toy(ToyModel(), toy_request(6), {"bwcache", "firstblock:threshold=10"});
  EXPECT_EQ(result.trace.pattern("blocks.0-2", Branch::kConditional), "CCCCCC");
  EXPECT_LT(result.counts.units_computed, result.units_total) << "the other one reuses";
}

TEST(BwCache, ForgetsTheOutputsItComparedOnceTriggered) {
  const PolicySetup setup{.branches = kTwoBranches};
  Script script = settling_at(4);
  script.blocks = 2;
  // Of each branch one number: the state that is reused, and the outputs of two blocks.
  const std::int64_t one = 2 * sizeof(float), three = 3 * one;
  EXPECT_EQ(run_scripted(script, "bwcache:indicator_blocks=all", 8, setup).bytes,
            (std::vector{three, three, three, three, one, one, one, one}));
  const std::string retest = "bwcache:indicator_blocks=all,retest_on_refresh=true";
  EXPECT_EQ(run_scripted(script, retest, 8, setup).bytes, std::vector(8, three));
}

TEST(BwCache, OfThresholdZeroOrOfThreeStepsHasTheBitsOfNoPolicy) {
  const ToyModel model;
  const Result disabled = run_toy(model, toy_request(), {"bwcache:threshold=0"});
  EXPECT_TRUE(disabled.trace.events.empty());
  EXPECT_TRUE(same_bits(disabled.latents, run_toy(model, toy_request(), {}).latents));
  EXPECT_TRUE(run_toy(model, toy_request(3), {"bwcache:threshold=1e9"}).trace.events.empty());
}

TEST(BwCache, ProbesHalfOfTheBlocksWhereAttentionMixesAllTokens) {
  const Plan half = Patterns("bwcache", plain_topology(6), 10).plan();
  ASSERT_EQ(half.probes.size(), 2U);  // after blocks 1 and 3; the state after block 5 needs no probe
  EXPECT_EQ(half.probes[0].unit, 5);
  EXPECT_EQ(half.probes[1].unit, 11);
  EXPECT_EQ(half.remembered_states, 3);
  EXPECT_EQ(Patterns("bwcache", plain_topology(5), 10).plan().remembered_states, 3);
  EXPECT_EQ(Patterns("bwcache:indicator_blocks=all", plain_topology(6), 10).plan().remembered_states, 6);
  const Topology factorised = topology_of({{"spatial_attention"}, {"temporal_attention"}}, 6);
  EXPECT_EQ(Patterns("bwcache", factorised, 10).plan().remembered_states, 6);
}

TEST(BwCache, IsUnknownBeforeARunFromTheThirdStepOn) {
  EXPECT_EQ(Patterns("bwcache", plain_topology(), 6).of("blocks.0-1", Branch::kUnconditional), "CC????");
}

TEST(BwCache, RefusesBlocksThatAreNotThere) {
  expect_refusal(refusal_of("bwcache:indicator_blocks=0/2", plain_topology(2), 10),
                 "--cache: bwcache:indicator_blocks: there is no block 2; accepted: all, half, or blocks from 0 to 1");
  expect_refusal(refusal_of("bwcache:indicator_blocks=0.5", plain_topology(2), 10), "there is no block 0.5");
  expect_refusal(refusal_of("bwcache:indicator_blocks=first", plain_topology(2), 10), "'first' is no number");
}

}  // namespace
}  // namespace ditto::test
