#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>

#include "caches/background_blocks.h"
#include "caches/index_list.h"
#include "caches/profile_support.h"
#include "caches/refresh_schedule.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

using Runs = std::vector<std::pair<int, int>>;

/// Blocks that add constants.
ScriptedModel constant_model(int blocks, const std::string& name = "scripted") {
  return ScriptedModel({.name = name, .blocks = blocks, .output = [](int unit, int, int branch, const at::Tensor& x) {
                          return at::full_like(x, 0.25 * (unit + 1) + branch);
                        }});
}

std::vector<int> marked(const RefreshSchedule& schedule, int first, int count) {
  std::vector<int> steps;
  const std::vector<bool> computed = schedule.computed(first, count);
  for (int step = 0; step < count; ++step) {
    if (computed[static_cast<std::size_t>(step)]) steps.push_back(step);
  }
  return steps;
}

TEST(IndexList, HoldsNumbersAndRanges) {
  EXPECT_EQ(parse_index_list("0/2-7/10", "p:o"), (std::vector<int>{0, 2, 3, 4, 5, 6, 7, 10}));
  EXPECT_EQ(parse_index_list("4", "p:o"), std::vector<int>{4});
  EXPECT_TRUE(parse_index_list("none", "p:o").empty());
  for (const char* wrong : {"", "/", "1/", "1//2", "a", "-1", "3-1", "2/2", "5/1-3", "1-", "1-2-3", "99999999"}) {
    try {
      parse_index_list(wrong, "p:o");
      ADD_FAILURE() << "accepted: " << wrong;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kUsage);
      EXPECT_EQ(std::string(error.what()).rfind("--cache: p:o: '", 0), 0U) << error.what();
    }
  }
}

TEST(IndexList, SplitsIntoRuns) {
  EXPECT_EQ(consecutive_runs({0, 2, 3, 4, 5, 6, 7, 10}), (Runs{{0, 0}, {2, 7}, {10, 10}}));
  EXPECT_EQ(consecutive_runs(parse_index_list("0/2-7/10-20/25-32/37-38", "p:o")).size(), 5U);
  EXPECT_TRUE(consecutive_runs({}).empty());
}

TEST(RefreshSchedule, FollowsThePublishedForms) {
  EXPECT_EQ(marked({.interval = 6}, 6, 50), (std::vector<int>{6, 12, 18, 24, 30, 36, 42, 48}));
  EXPECT_EQ(marked({.kind = RefreshSchedule::Kind::kFalling}, 6, 50),
            (std::vector<int>{6, 18, 26, 32, 38, 42, 44, 46, 48}));
  EXPECT_EQ(marked({.kind = RefreshSchedule::Kind::kList, .steps = {2, 9, 12}}, 6, 12), (std::vector<int>{6, 9}));
}

TEST(LeastAttentive, TakesTheLowerOfEqualBlocks) {
  EXPECT_EQ(least_attentive({.5, .1, .3, .3, .2}, 3), (std::vector<int>{1, 2, 4}));
  EXPECT_EQ(least_attentive({.5, .5, .5}, 2), (std::vector<int>{0, 1}));
  EXPECT_TRUE(least_attentive({.5, .1}, 0).empty());
}

TEST(ProfilingDiT, ComputesAsManyBlocksAsPublished) {
  const EngineRun wan = run_with(constant_model(40, "Wan2.1-T2V-14B-Diffusers"), "profilingdit", {.steps = 50});
  EXPECT_EQ(wan.counts.units_computed, 992);
  const std::string uniform = "CCCCCCCRRRRRCRRRRRCRRRRRCRRRRRCRRRRRCRRRRRCRRRRRCR";
  EXPECT_EQ(wan.pattern("blocks.2-7"), uniform);
  const EngineRun hunyuan = run_with(constant_model(60, "HunyuanVideo"), "profilingdit", {.steps = 50});
  EXPECT_EQ(hunyuan.counts.units_computed, 1136 + 496);
  EXPECT_EQ(hunyuan.pattern("blocks.6-19"), uniform);
  EXPECT_EQ(steps_of(hunyuan.pattern("blocks.30-41"), 'C'),
            (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 18, 26, 32, 38, 42, 46, 48}));
}

TEST(ProfilingDiT, ConstantChangesAreReusedExactly) {
  const RunSetup setup{.steps = 14, .branches = kBothBranches};
  const EngineRun full = run_with(constant_model(5), "none", setup);
  for (const char* refresh : {"interval=3", "steps=2/9", "refresh=eq15"}) {
    const EngineRun reused =
        run_with(constant_model(5), std::string("profilingdit:background=0/2-3,first=2,") + refresh, setup);
    EXPECT_GT(full.counts.units_computed, reused.counts.units_computed);
    for (int step = 0; step < setup.steps; ++step) {
      for (const std::size_t branch : {0U, 1U}) EXPECT_EQ(value_at(reused, step, branch), value_at(full, step, branch));
    }
  }
}

TEST(ProfilingDiT, AddsTheChangeOfTheRefreshStep) {
  // A block that doubles: at a reuse step the state of the refresh step is added instead.
  const ScriptedModel model({.output = [](int, int, int, const at::Tensor& x) { return x.clone(); }});
  const RunSetup setup{.steps = 4, .latent = [](int step, const EngineRun&) { return latent_of({1.0F + step}); }};
  const EngineRun run = run_with(model, "profilingdit:background=0,first=1,interval=2", setup);
  EXPECT_EQ(run.pattern("blocks.0.feed_forward"), "CCRC");
  EXPECT_NEAR(value_at(run, 2), 3 + 2, tolerance::kClosedForm);
  EXPECT_NEAR(value_at(run, 3), 8, tolerance::kClosedForm);
}

TEST(ProfilingDiT, BranchesKeepTheirOwnChange) {
  const EngineRun run = run_with(constant_model(2), "profilingdit:background=1,first=1,interval=4",
                                 {.steps = 4, .branches = kBothBranches});
  EXPECT_EQ(run.pattern("blocks.1.feed_forward", Branch::kUnconditional), "CCRR");
  EXPECT_NEAR(value_at(run, 3, 1) - value_at(run, 3, 0), 2, tolerance::kClosedForm);
}

TEST(ProfilingDiT, TellsWhatItSettled) {
  using Values = std::map<std::string, std::string>;
  const auto settled = [](const ScriptedModel& model, const std::string& options) {
    return settled_by("profilingdit" + options, model.topology(), engine_run_info(50));
  };
  const Values falling = {{"background", "0/2"}, {"profile", "none"},  {"target", "none"},
                          {"refresh", "eq15"},   {"interval", "none"}, {"steps", "none"},
                          {"longest", "8"},      {"shortest", "2"},    {"first", "6"}};
  EXPECT_EQ(settled(constant_model(3), ":background=0/2,longest=8"), falling);
  const Values hunyuan = settled(constant_model(60, "HunyuanVideo"), "");
  EXPECT_EQ(hunyuan.at("refresh"), "published") << "the two groups of blocks differ";
  EXPECT_EQ(hunyuan.at("interval"), "none");
  EXPECT_EQ(settled(constant_model(60, "HunyuanVideo"), ":interval=4").at("refresh"), "uniform");
  EXPECT_EQ(settled(constant_model(3), ":interval=1").at("background"), "none");
}

TEST(ProfilingDiT, SettingsThatNeverReuse) {
  EXPECT_TRUE(run_with(constant_model(3), "profilingdit:interval=1").events.empty());
  EXPECT_TRUE(run_with(constant_model(3), "profilingdit:background=none").events.empty());
}

TEST(ProfilingDiT, TakesTheShareOfAProfile) {
  const TempFolder folder;
  const ScriptedModel model = constant_model(5);
  const RunSetup setup{.steps = 8};
  profile_of(model, setup, {{"foreground_attention", at::tensor({.9, .1, .3, .2, .3})}}).write(folder / "measured");
  const std::string specification = "profilingdit:first=1,interval=2,profile=" + (folder / "measured").string();
  const auto sites = [&](const std::string& options) {
    const std::unique_ptr<CachePolicy> policy = factory_of({specification + options})();
    policy->begin(model.topology(), engine_run_info(setup.steps, setup.engine()));
    std::vector<std::string> names;
    for (const Site& site : policy->plan(model.topology(), even_schedule(8)).sites) names.push_back(site.name);
    return names;
  };
  EXPECT_EQ(sites(""), std::vector<std::string>{"blocks.1-3"}) << "0.65 of five blocks, the lower one of equal ones";
  EXPECT_EQ(sites(",target=0.4"), (std::vector<std::string>{"blocks.1.feed_forward", "blocks.3.feed_forward"}));
  EXPECT_TRUE(sites(",target=0").empty());
  profile_of(model, setup, {{"foreground_attention", at::tensor({.9, .1})}}).write(folder / "measured");
  EXPECT_NE(refusal_in(model, specification, setup).find("is no list of 5 numbers; accepted: one for each block"),
            std::string::npos);
}

TEST(ProfilingDiT, RefusesWhatCannotBe) {
  const ScriptedModel model = constant_model(3);
  const auto refusal = [&](const std::string& options) { return refusal_in(model, "profilingdit:" + options); };
  EXPECT_EQ(refusal("first=1"),
            "--cache: profilingdit:background: no background blocks are known for model 'scripted' (no profile "
            "'scripted-16x16-10.json' is shipped; nothing is published for it); accepted: background=0/2-7, or "
            "profile=NAME measured by dit-profile run");
  EXPECT_EQ(refusal("background=0-3"), "--cache: profilingdit:background: there is no block 3; accepted: 0 to 2");
  EXPECT_EQ(refusal("background=0,target=0.5"),
            "--cache: profilingdit:target: has no effect beside background; accepted: leaving it out");
  EXPECT_EQ(refusal("background=0,refresh=eq15,interval=4"),
            "--cache: profilingdit:interval: has no effect with refresh=eq15; accepted: leaving it out");
  EXPECT_EQ(refusal("background=0,interval=2,longest=8"),
            "--cache: profilingdit:longest: has no effect with refresh=uniform; accepted: leaving it out");
  EXPECT_EQ(refusal("background=0,refresh=list"),
            "--cache: profilingdit:steps: is needed with refresh=list; accepted: steps=6/18/26");
  EXPECT_EQ(refusal("background=0,steps=6/10"), "--cache: profilingdit:steps: there is no step 10; accepted: 0 to 9");
  EXPECT_EQ(refusal("background=0,longest=4,shortest=6"),
            "--cache: profilingdit:shortest: 6 is more than longest; accepted: 2 to 4");
  EXPECT_EQ(refusal_in(constant_model(60, "HunyuanVideo"), "profilingdit", {.steps = 30}),
            "--cache: profilingdit:refresh: the published refresh steps are for 50 steps; this run has 30; accepted: "
            "refresh=uniform, refresh=eq15, or refresh=list with steps");
  EXPECT_EQ(refusal_in(constant_model(30, "Wan2.1-T2V-14B"), "profilingdit", {.steps = 30}),
            "--cache: profilingdit:background: what is published is for 40 blocks; this model has 30; accepted: "
            "background=0/2-7 or profile=NAME");
  EXPECT_EQ(refusal_in(constant_model(60, "HunyuanVideo"), "profilingdit:refresh=eq15", {.steps = 30}), "accepted");
}

}  // namespace
}  // namespace ditto::test
