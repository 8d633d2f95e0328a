#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>

#include "caches/run_with.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

constexpr const char* kRest = "blocks.1-2";

/// Three blocks; the first one's output is scripted per step, the others add constants 10 and 100.
ScriptedModel head_of(std::vector<std::vector<float>> outputs) {
  const int channels = static_cast<int>(outputs.front().size());
  return ScriptedModel({.blocks = 3,
                        .output =
                            [outputs](int unit, int step, int, const at::Tensor& hidden) {
                              if (unit == 0) return row_of(outputs[static_cast<std::size_t>(step)]);
                              return at::full_like(hidden, unit == 1 ? 10 : 100);
                            }},
                       channels);
}

std::string pattern(const ScriptedModel& model, const std::string& specification, int steps) {
  return run_with(model, specification, {.steps = steps}).pattern(kRest);
}

TEST(FirstBlockOptions, ComparesEveryNthChannel) {
  // Only the channels in between change.
  const ScriptedModel model = head_of({{1, 5, 1}, {1, 9, 1}});
  EXPECT_EQ(pattern(model, "firstblock", 2), "CC");
  EXPECT_EQ(pattern(model, "firstblock:downsample=2", 2), "CR");
}

TEST(FirstBlockOptions, KeepsBlocksAtTheEnd) {
  const ScriptedModel model = head_of({{1}, {1}, {1}});
  const EngineRun run = run_with(model, "firstblock:last_blocks=1", {.steps = 3});
  EXPECT_EQ(run.pattern("blocks.1.feed_forward"), "CRR");
  EXPECT_EQ(run.counts.units_computed, 3 + 2 + 2);
  EXPECT_NEAR(value_at(run, 2), 1 + 1 + 10 + 100, tolerance::kClosedForm);
}

TEST(FirstBlockOptions, ExtrapolatesTheChange) {
  // The rest adds 10 * step.
  const ScriptedModel model({.blocks = 2, .output = [](int unit, int step, int, const at::Tensor& hidden) {
                               return at::full_like(hidden, unit == 0 ? 1 : 10 * step);
                             }});
  const EngineRun reused = run_with(model, "firstblock:first=2", {.steps = 5});
  EXPECT_NEAR(value_at(reused, 4), 1 + 1 + 10, tolerance::kClosedForm);
  const EngineRun extrapolated = run_with(model, "firstblock:first=2,order=1", {.steps = 5});
  EXPECT_EQ(extrapolated.pattern("blocks.1.feed_forward"), "CCFFF");
  EXPECT_NEAR(value_at(extrapolated, 4), 1 + 1 + 40, tolerance::kClosedForm);
}

/// The unconditional head moves by a tenth in every step, the conditional one stands still.
ScriptedModel moving_branch() {
  return ScriptedModel({.blocks = 2, .output = [](int unit, int step, int branch, const at::Tensor& hidden) {
                          return at::full_like(hidden, unit == 0 ? 1 + 0.1 * step * branch : 10.0);
                        }});
}

TEST(FirstBlockOptions, BranchesDecideEachOrTogether) {
  const RunSetup both{.steps = 4, .branches = kBothBranches};
  const EngineRun each = run_with(moving_branch(), "firstblock", both);
  EXPECT_EQ(each.pattern("blocks.1.feed_forward"), "CRRR");
  EXPECT_EQ(each.pattern("blocks.1.feed_forward", Branch::kUnconditional), "CCCC");
  const EngineRun together = run_with(moving_branch(), "firstblock:branch=conditional", both);
  EXPECT_EQ(together.pattern("blocks.1.feed_forward", Branch::kUnconditional), "CRRR");
  const EngineRun own = run_with(moving_branch(), "firstblock:unconditional_threshold=0.25", both);
  EXPECT_EQ(own.pattern("blocks.1.feed_forward", Branch::kUnconditional), "CRRC");
}

TEST(FirstBlockOptions, UnconditionalThresholdIsSettledWhereThatBranchDecides) {
  const auto settled = [](const std::string& options, const std::vector<Branch>& branches) {
    return settled_by("firstblock:threshold=0.2" + options, moving_branch().topology(),
                      engine_run_info(4, {.branches = branches}))
        .at("unconditional_threshold");
  };
  EXPECT_EQ(settled("", kBothBranches), "0.2");
  EXPECT_EQ(settled(",branch=conditional", kBothBranches), "none");
  EXPECT_EQ(settled("", {Branch::kConditional}), "none");
}

TEST(FirstBlockOptions, ThresholdZeroNeverReuses) {
  const EngineRun run = run_with(head_of({{1}, {1}}), "firstblock:threshold=0", {.steps = 2});
  EXPECT_TRUE(run.events.empty());
  const RunSetup both{.steps = 2, .branches = kBothBranches};
  const EngineRun one = run_with(moving_branch(), "firstblock:threshold=0,unconditional_threshold=1", both);
  EXPECT_EQ(one.pattern("blocks.1.feed_forward"), "CC");
  EXPECT_EQ(one.pattern("blocks.1.feed_forward", Branch::kUnconditional), "CR");
}

TEST(FirstBlockOptions, RefusesWhatCannotBe) {
  const ScriptedModel model = head_of({{1}, {1}});
  EXPECT_EQ(refusal_in(model, "firstblock:first_blocks=3"),
            "--cache: firstblock:first_blocks: 3 leaves nothing to reuse; accepted: at most 2 of the model's 3 blocks");
  EXPECT_EQ(refusal_in(model, "firstblock:first_blocks=2,last_blocks=1"),
            "--cache: firstblock:last_blocks: 1 leaves nothing to reuse; accepted: at most 0 of the model's 3 blocks");
  EXPECT_EQ(refusal_in(model, "firstblock:downsample=2"),
            "--cache: firstblock:downsample: 2 leaves nothing to compare; accepted: 1 to the model's 1 channels");
  EXPECT_EQ(refusal_in(model, "firstblock:branch=conditional"),
            "--cache: firstblock:branch: has no effect in a run of one branch; accepted: leaving it out");
  EXPECT_EQ(refusal_in(model, "firstblock:unconditional_threshold=0.1"),
            "--cache: firstblock:unconditional_threshold: has no effect in a run of one branch; accepted: leaving it "
            "out");
  EXPECT_EQ(refusal_in(model, "firstblock:branch=conditional,unconditional_threshold=0.1"),
            "--cache: firstblock:unconditional_threshold: has no effect beside branch=conditional; accepted: leaving "
            "it out");
}

}  // namespace
}  // namespace ditto::test
