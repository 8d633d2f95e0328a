#include "caches/dbcache.h"

#include <cmath>

#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>

#include "models/toy/toy_model.h"
#include "policy_run.h"
#include "tolerances.h"

namespace ditto {
namespace {

using namespace test;

constexpr const char* kMiddle = "blocks.1.feed_forward";

/// Three blocks: the first adds `head` of the step and branch, the second a constant, the third the step's index.
ScriptedModel with_head(std::function<double(int step, int branch)> head, std::function<double(int step)> middle = {}) {
  Script script;
  script.blocks = 3;
  script.output = [head, middle](int unit, int step, int branch, const at::Tensor& hidden) {
    const double constant = middle ? middle(step) : 7.0;
    return at::full_like(hidden, unit == 0 ? head(step, branch) : unit == 1 ? constant : step);
  };
  return ScriptedModel(script);
}

ScriptedModel with_constant_head() {
  return with_head([](int, int) { return 1.0; });
}

std::string spec(const std::string& options) { return "dbcache:first_blocks=1,last_blocks=1," + options; }

std::string repeat(const std::string& unit, int times) {
  std::string text;
  for (int k = 0; k < times; ++k) text += unit;
  return text;
}

TEST(DBCache, WithOneHeadBlockAndNoWarmUpIsFirstBlockCache) {
  const ToyModel model;
  const Request request = toy_request(20);
  const Result first_block = run_toy(model, request, {"firstblock:threshold=0.2,first_blocks=1,first=0"});
  const Result dbcache = run_toy(model, request, {"dbcache:threshold=0.2,first_blocks=1,first=0"});
  const std::string pattern = dbcache.trace.pattern("blocks.1-2", Branch::kConditional);
  EXPECT_NE(pattern.find('C', 1), std::string::npos) << pattern;
  EXPECT_NE(pattern.find('R'), std::string::npos) << pattern;
  EXPECT_EQ(pattern, first_block.trace.pattern("blocks.1-2", Branch::kConditional));
  EXPECT_TRUE(same_bits(dbcache.latents, first_block.latents));
}

TEST(DBCache, ComparesWithTheHeadOfTheLastComputedStep) {
  const ScriptedModel model = with_head([](int step, int) { return 1 + 0.03 * step; });
  EXPECT_EQ(run_policy(model, spec("first=0"), 4).pattern(), "CRRC");
  // (0.05 + 0.05) / (1 + 2) = 0.033
  const ScriptedModel two = with_head([](int step, int) { return 1.5 + 0.05 * step; });
  EXPECT_EQ(run_policy(two, spec("first=0,threshold=0.034"), 2).pattern(), "CR");
  EXPECT_EQ(run_policy(two, spec("first=0,threshold=0.033"), 2).pattern(), "CC");
}

TEST(DBCache, CapsRunsOfReusedSteps) {
  const ScriptedModel model = with_constant_head();
  const auto pattern = [&](int cap) {
    return run_policy(model, spec("first=4,max_reuse=" + std::to_string(cap)), 30).pattern();
  };
  EXPECT_EQ(pattern(0), "CCCC" + repeat("R", 26));
  EXPECT_EQ(pattern(1), "CCCC" + repeat("RC", 13));
  EXPECT_EQ(pattern(2), "CCCC" + repeat("RRC", 8) + "RR");
  EXPECT_EQ(pattern(3), "CCCC" + repeat("RRRC", 6) + "RR");
  EXPECT_EQ(pattern(4), "CCCC" + repeat("RRRRC", 5) + "R");
}

TEST(DBCache, CountsRunsAsTheReleasedCodeInOfficialMode) {
  const ScriptedModel model = with_constant_head();
  const auto pattern = [&](int cap) {
    return run_policy(model, spec("mode=official,first=4,max_reuse=" + std::to_string(cap)), 30).pattern();
  };
  EXPECT_EQ(pattern(1), "CCCCRC" + repeat("RRC", 8));
  EXPECT_EQ(pattern(2), "CCCC" + repeat("RRC", 8) + "RR");
  EXPECT_EQ(pattern(3), "CCCC" + repeat("RRRC", 6) + "RR");
  EXPECT_EQ(pattern(4), "CCCC" + repeat("RRRRC", 5) + "R");
}

TEST(DBCache, ReusesFromTheFirstStepOnWithAThresholdOfOne) {
  const ScriptedModel model = with_head([](int step, int) { return std::pow(10.0, step); });
  EXPECT_EQ(run_policy(model, spec("first=0,threshold=1"), 30).pattern(), "C" + repeat("R", 29));
}

TEST(DBCache, CapsAllReusesOfARun) {
  EXPECT_EQ(run_policy(with_constant_head(), spec("first=2,max_total_reuse=3"), 8).pattern(), "CCRRRCCC");
}

TEST(DBCache, LimitsTheChangeAccumulatedOverARun) {
  // Changes of 0.02 and 0.04 are reused; with 0.06 accumulated the next step is computed.
  const ScriptedModel model = with_head([](int step, int) { return std::pow(1.02, step); });
  EXPECT_EQ(run_policy(model, spec("first=0,max_accumulated=0.05"), 10).pattern(), "CRRCRRCRRC");
  EXPECT_EQ(run_policy(model, spec("first=0,max_accumulated=0.05,mode=official"), 10).pattern(), "CRRCCCCCCC");
}

TEST(DBCache, FollowsAStepMask) {
  const ScriptedModel model = with_head([](int step, int) { return step < 4 ? 1.0 : 2.0; });
  EXPECT_EQ(run_policy(model, spec("first=0,mask=CRCRRRCR"), 8).pattern(), "CRCRCRCR");
  EXPECT_EQ(run_policy(model, spec("first=0,mask=CRCRRRCR,mask_mode=static"), 8).pattern(), "CRCRRRCR");
  EXPECT_EQ(run_policy(model, spec("first=3,mask=CRRRRRRR,mask_mode=static"), 8).pattern(), "CCCRRRRR");
}

TEST(DBCache, ComputesOnlySomeStepsOfAWindowWithAnInterval) {
  const ScriptedModel model = with_constant_head();
  EXPECT_EQ(run_policy(model, spec("first=5,first_interval=2"), 9).pattern(), "CRCRCRRRR");
  EXPECT_EQ(run_policy(model, spec("first=5,first_interval=4,last=2"), 9).pattern(), "CRRRCRRCC");
}

TEST(DBCache, ForecastsTheMiddleByTaylor) {
  const auto model = [](std::function<double(int)> middle) { return with_head([](int, int) { return 1.0; }, middle); };
  const ScriptedModel linear = model([](int step) { return 3.0 + 2.0 * step; });
  const PolicyRun full = run_policy(linear, "none", 6);
  const PolicyRun forecast = run_policy(linear, spec("first=2,order=1"), 6);
  EXPECT_EQ(forecast.pattern(), "CCFFFF");
  for (std::size_t step = 0; step < 6; ++step) {
    EXPECT_LT(largest_difference(forecast.predictions[step][0], full.predictions[step][0]), tolerance::kUnitFloat32);
  }
  const PolicyRun reuse = run_policy(linear, spec("first=2"), 6);
  EXPECT_NEAR(largest_difference(reuse.predictions[5][0], full.predictions[5][0]), 8.0, tolerance::kUnitFloat32);
}

TEST(DBCache, FormsItsFirstDifferenceAtTheFourthStepInOfficialMode) {
  const ScriptedModel model = with_head([](int, int) { return 1.0; }, [](int step) { return 1.0 * step; });
  EXPECT_EQ(run_policy(model, spec("mode=official,first=3,order=1"), 5).pattern(), "CCCRR");
  EXPECT_EQ(run_policy(model, spec("mode=official,first=4,order=1"), 5).pattern(), "CCCCF");
}

TEST(DBCache, LetsBranchesDecideAloneOrTogether) {
  const ScriptedModel model = with_head([](int step, int branch) { return branch == 0 ? 1.0 : std::pow(2.0, step); });
  const PolicySetup both{.branches = kTwoBranches};
  const PolicyRun own = run_policy(model, spec("first=1"), 6, both);
  EXPECT_EQ(own.pattern(Branch::kConditional), "CRRRRR");
  EXPECT_EQ(own.pattern(Branch::kUnconditional), "CCCCCC");
  const PolicyRun shared = run_policy(model, spec("first=1,branch=conditional"), 6, both);
  EXPECT_EQ(shared.pattern(Branch::kConditional), "CRRRRR");
  EXPECT_EQ(shared.pattern(Branch::kUnconditional), "CRRRRR");
  EXPECT_LT(shared.bytes_peak, own.bytes_peak);
}

TEST(DBCache, IsExactWhenTheMiddleAddsAConstant) {
  const ScriptedModel model = with_head([](int step, int) { return 1 + 0.001 * step; });
  const PolicyRun full = run_policy(model, "none", 12);
  const PolicyRun cached = run_policy(model, spec("first=1"), 12);
  EXPECT_EQ(cached.pattern(), "C" + repeat("R", 11));
  EXPECT_EQ(cached.events.front().site, kMiddle);
  EXPECT_EQ(cached.units_computed, 3 + 11 * 2);
  for (std::size_t step = 0; step < 12; ++step) {
    EXPECT_TRUE(same_bits(cached.predictions[step][0], full.predictions[step][0])) << step;
  }
}

TEST(DBCache, ComputesWhatItCannotMeasure) {
  const ScriptedModel zero = with_head([](int, int) { return 0.0; });
  EXPECT_EQ(run_policy(zero, spec("first=0"), 4).pattern(), "CCCC");
  const ScriptedModel nan = with_head([](int, int) { return std::nan(""); });
  EXPECT_EQ(run_policy(nan, spec("first=0"), 4).pattern(), "CCCC");
}

TEST(DBCache, SaysThatTheBudgetIsExhausted) {
  for (const std::int64_t bytes : {0, 4}) {
    const PolicyRun run = run_policy(with_constant_head(), spec("first=0"), 3, {.options = {.max_cache_bytes = bytes}});
    EXPECT_EQ(run.pattern(), "CCC");
    EXPECT_TRUE(run.events[1].reason.ends_with("over the byte budget")) << run.events[1].reason;
  }
}

TEST(DBCache, LeavesHalfOfAShallowModelToReuse) {
  const auto site = [](int blocks) {
    Script script;
    script.blocks = blocks;
    return run_policy(ScriptedModel(script), "dbcache", 1).events.at(0).site;
  };
  EXPECT_EQ(site(2), "blocks.1.feed_forward");
  EXPECT_EQ(site(6), "blocks.3-5");
  EXPECT_EQ(site(30), "blocks.8-29");
}

TEST(DBCache, SwitchedOffGivesTheBitsOfNoPolicy) { EXPECT_TRUE(is_bit_exact(ToyModel(), "dbcache:threshold=0")); }

TEST(DBCache, RefusesWhatCannotBe) {
  const Topology topology = with_constant_head().topology();
  struct Case {
    std::string options, expected;
  };
  const std::vector<Case> cases = {
      {"first_blocks=3",
       "dbcache:first_blocks: 3 leaves nothing to reuse; accepted: at most 2 of the model's 3 blocks"},
      {"first_blocks=1,last_blocks=2", "dbcache:last_blocks: 2 leaves nothing to reuse; accepted: at most 1 of"},
      {"mask=CRX", "dbcache:mask: 'CRX' has other letters than C and R"},
      {"mask=CR", "dbcache:mask: has 2 letters; accepted: one for each of the 3 steps"},
      {"mask_mode=static", "dbcache:mask_mode: 'static' has no effect without a mask"},
      {"mask=CRR,mask_mode=static,max_reuse=2", "dbcache:max_reuse: has no effect with mask_mode=static"},
      {"mask=CRR,mask_mode=static,threshold=0.5", "dbcache:threshold: has no effect with mask_mode=static"},
      {"mask=CRR,mask_mode=static,branch=conditional", "dbcache:branch: has no effect with mask_mode=static"},
      {"threshold=1,max_accumulated=2", "dbcache:max_accumulated: has no effect where"},
      {"first=1,first_interval=2", "dbcache:first_interval: has no effect without a window"},
      {"mode=official", "dbcache:mode: 'official' has no effect without max_reuse, max_accumulated or order"},
      {"branch=conditional", "dbcache:branch: this run has one branch; accepted: branch=each"},
  };
  for (const Case& c : cases) {
    const std::string message = refusal_of("dbcache:" + c.options, topology, run_info(3));
    EXPECT_NE(message.find(c.expected), std::string::npos) << c.options << " gave: " << message;
  }
}

}  // namespace
}  // namespace ditto
