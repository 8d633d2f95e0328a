#include "caches/magcache.h"

#include <filesystem>
#include <numeric>

#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>
#include <unistd.h>

#include "caches/magcache_settings.h"
#include "core/profile.h"
#include "models/toy/toy_model.h"
#include "policy_run.h"
#include "runtime/rehearsal.h"

namespace ditto {
namespace {

using namespace test;

Topology model_named(const std::string& name) {
  Topology topology = ScriptedModel(Script{}).topology();
  topology.identity.name = name;
  return topology;
}

/// The computed steps 0 to `first` - 1 and those listed.
std::vector<int> steps(int first, const std::vector<int>& then) {
  std::vector<int> all(static_cast<std::size_t>(first));
  std::iota(all.begin(), all.end(), 0);
  all.insert(all.end(), then.begin(), then.end());
  return all;
}

/// Patterns of a run of a model, by branch.
std::vector<std::string> patterns(const std::string& options, const Topology& topology, const RunInfo& run) {
  const std::unique_ptr<CachePolicy> policy = factory_of({"magcache" + options})();
  policy->begin(topology, run);
  const std::vector<StepInfo> schedule = even_schedule(run.steps);
  const Plan plan = policy->plan(topology, schedule);
  std::vector<std::string> patterns;
  for (const RehearsedSite& site : rehearse(*policy, plan, schedule, run.branches)) patterns.push_back(site.pattern);
  return patterns;
}

struct Published {
  std::string model, options;
  int steps, width, height;
  std::vector<int> computed;
};

TEST(MagCache, ComputesThePublishedSteps) {
  const std::vector<Published> table = {
      {"Wan2.1-T2V-1.3B-Diffusers", "", 50, 832, 480, steps(10, {14, 19, 24, 29, 34, 38, 41, 44, 46, 48, 49})},
      {"Wan2.1-T2V-1.3B-Diffusers", ":max_reuse=2", 50, 832, 480,
       steps(10, {12, 15, 18, 21, 24, 27, 30, 33, 36, 39, 42, 44, 46, 48, 49})},
      {"Wan2.1-T2V-1.3B-Diffusers", ":square_root=true", 50, 832, 480, steps(10, {14, 19, 24, 29, 34, 39, 43, 46, 48})},
      {"Wan2.1-T2V-14B-Diffusers", "", 50, 1280, 720, steps(10, {16, 23, 30, 36, 41, 44, 47, 49})},
      {"Wan2.1-VACE-14B-diffusers", "", 50, 1280, 720, steps(10, {16, 23, 30, 36, 41, 44, 47, 49})},
      {"Wan2.1-I2V-14B-480P-Diffusers", "", 40, 832, 480, steps(8, {14, 20, 25, 30, 34, 37, 39})},
      {"Wan2.1-I2V-14B-720P-Diffusers", "", 40, 1280, 720, steps(8, {14, 21, 27, 32, 35, 38})},
      {"HunyuanVideo", "", 50, 960, 544, steps(10, {14, 18, 23, 29, 34, 41, 46, 48})},
      {"HunyuanVideo", "", 50, 1280, 720, steps(10, {14, 18, 23, 29, 34, 41, 46, 48, 49})},
      {"HunyuanVideo", ":threshold=0.12,max_reuse=4", 50, 1280, 720,
       steps(10, {12, 15, 18, 22, 25, 29, 33, 38, 43, 46, 48, 49})},
      {"FLUX.1-dev", "", 28, 1024, 1024, {0, 1, 2, 5, 9, 11, 17, 23, 26}},
      {"OpenSora-STDiT-v3", "", 30, 848, 480, steps(6, {9, 13, 17, 21, 25, 29})},
  };
  for (const Published& row : table) {
    RunInfo run = run_info(row.steps, kTwoBranches);
    run.width = row.width;
    run.height = row.height;
    for (const std::string& pattern : patterns(row.options, model_named(row.model), run)) {
      EXPECT_EQ(steps_of(pattern, 'C'), row.computed) << row.model << row.options << " " << row.steps;
    }
  }
}

TEST(MagCache, TellsWhatItSettled) {
  using Values = std::map<std::string, std::string>;
  const Values wan = {{"threshold", "0.12"}, {"max_reuse", "4"},       {"retention", "0.2"}, {"ratios", "published"},
                      {"profile", "none"},   {"square_root", "false"}, {"compare", "lt"}};
  EXPECT_EQ(settled_by("magcache", model_named("Wan2.1-T2V-1.3B-Diffusers"), run_info(50)), wan);
  const Values shared = settled_by("magcache", model_named("HunyuanVideo"), run_info(50));
  EXPECT_EQ(shared.at("compare"), "le");
  EXPECT_EQ(shared.at("ratios").rfind("1/", 0), 0U) << shared.at("ratios");
}

TEST(MagCache, StretchesListsToTheNearestStep) {
  EXPECT_EQ(nearest_steps(50, 20),
            (std::vector<int>{0, 3, 5, 8, 10, 13, 15, 18, 21, 23, 26, 28, 31, 34, 36, 39, 41, 44, 46, 49}));
  EXPECT_EQ(nearest_steps(3, 3), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(nearest_steps(3, 5), (std::vector<int>{0, 0, 1, 2, 2}));  // 0.5 and 1.5 go to the even neighbour
  EXPECT_EQ(nearest_steps(7, 1), (std::vector<int>{6}));
}

TEST(MagCache, KeepsTheBranchesOfPublishedListsApart) {
  const MagCacheSettings settings =
      magcache_settings(parse_policy("magcache").options, model_named("Wan2.1-T2V-1.3B-Diffusers"), run_info(50));
  const std::vector<double> conditional(settings.ratios.at(Branch::kConditional));
  const std::vector<double> unconditional(settings.ratios.at(Branch::kUnconditional));
  EXPECT_EQ(conditional.size(), 50u);
  EXPECT_EQ((std::vector<double>{conditional[0], conditional[1], conditional[49]}),
            (std::vector<double>{1.0, 1.0124, 0.81838}));
  EXPECT_EQ((std::vector<double>{unconditional[0], unconditional[1], unconditional[49]}),
            (std::vector<double>{1.0, 1.02213, 0.81939}));
}

TEST(MagCache, IsLimitedOnlyByTheLongestRunWhereMagnitudesStay) {
  EXPECT_EQ(patterns(":ratios=1,retention=0,max_reuse=3", model_named("m"), run_info(10)).at(0), "CRRRCRRRCR");
  EXPECT_EQ(patterns(":ratios=1,retention=0,max_reuse=0", model_named("m"), run_info(7)).at(0), "CRRRRRR");
  EXPECT_EQ(patterns(":ratios=1,retention=0.5", model_named("m"), run_info(7)).at(0), "CCCCRRR")
      << "half of seven rounds to four";
}

TEST(MagCache, MultipliesRatiosFromTheLastComputedStepOn) {
  // Errors 0.1, 0.19, 0.271 add up to 0.1, 0.29, 0.561.
  const auto pattern = [](const std::string& threshold) {
    return patterns(":ratios=0.9,retention=0,threshold=" + threshold, model_named("m"), run_info(7)).at(0);
  };
  EXPECT_EQ(pattern("0.09"), "CCCCCCC");
  EXPECT_EQ(pattern("0.11"), "CRCRCRC");
  EXPECT_EQ(pattern("0.3"), "CRRCRRC");
}

TEST(MagCache, TakesSquareRootsOfGivenRatiosWhenAsked) {
  const auto pattern = [](const std::string& options) {
    return patterns(":ratios=0.81,retention=0,threshold=0.11" + options, model_named("m"), run_info(5)).at(0);
  };
  EXPECT_EQ(pattern(""), "CCCCC");
  EXPECT_EQ(pattern(",square_root=true"), "CRCRC");
}

TEST(MagCache, ReusesAnErrorEqualToTheThresholdWhereTheModelOrTheUserSaysSo) {
  const auto pattern = [](const std::string& model, const std::string& options) {
    return patterns(":ratios=0.5,retention=0,threshold=0.5" + options, model_named(model), run_info(4)).at(0);
  };
  EXPECT_EQ(pattern("m", ""), "CRCR") << "as diffusers does";
  EXPECT_EQ(pattern("m", ",compare=lt"), "CCCC");
  EXPECT_EQ(pattern("Wan2.1-T2V-1.3B", ""), "CCCC");
  EXPECT_EQ(pattern("HunyuanVideo", ""), "CRCR");
  EXPECT_EQ(pattern("HunyuanVideo", ",compare=lt"), "CCCC");
}

TEST(MagCache, PassesThroughTheRatiosOfJumpedSteps) {
  const std::unique_ptr<CachePolicy> policy = factory_of({"magcache:ratios=0.9,retention=0,threshold=0.2"})();
  const Topology topology = model_named("m");
  policy->begin(topology, run_info(8));
  std::vector<StepInfo> schedule;
  const std::vector<int> nodes = {0, 1, 2, 4, 5};
  for (int index = 0; index < 5; ++index) {
    schedule.push_back({index, 5, nodes[static_cast<std::size_t>(index)], 8, 0, 0});
  }
  const Plan plan = policy->plan(topology, schedule);
  // From node 2, which is computed with an error of 0.29, node 4 is two ratios away: 0.19.
  EXPECT_EQ(rehearse(*policy, plan, schedule, std::vector{Branch::kConditional}).at(0).pattern, "CRCRC");
}

class MagCacheProfile : public testing::Test {
 protected:
  MagCacheProfile() {
    profile_.model = topology_.identity;
    profile_.units = topology_.unit_count();
    profile_.sigmas = {1, 0.75, 0.5, 0.25, 0};
    profile_.run = run_info(4, kTwoBranches);
    profile_.run.solver = "euler";
    profile_.run.width = profile_.run.height = 16;
    profile_.run.frames = 5;
    profile_.version = "1";
    profile_.prompts = 1;
    profile_.arrays["residual_ratio"] = at::full({2, 4}, 1.0);
    profile_.arrays["residual_ratio"][1].fill_(0.5);
    std::filesystem::create_directories(folder_);
  }
  ~MagCacheProfile() override { std::filesystem::remove_all(folder_); }

  std::string write() {
    profile_.write(folder_ / "measured");
    return (folder_ / "measured").string();
  }

  std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("magcache_test-" + std::to_string(getpid()));
  Topology topology_ = model_named("m");
  Profile profile_;
};

TEST_F(MagCacheProfile, GivesEachBranchItsOwnRow) {
  const std::vector<std::string> found = patterns(":retention=0,profile=" + write(), topology_, profile_.run);
  EXPECT_EQ(found, (std::vector<std::string>{"CRRR", "CCCC"}));
}

TEST_F(MagCacheProfile, IsNamedWithoutItsFolder) {
  const auto settled = settled_by("magcache:profile=" + write(), topology_, profile_.run);
  EXPECT_EQ(settled.at("profile"), "measured");
  EXPECT_EQ(settled.at("ratios"), "profile");
}

TEST_F(MagCacheProfile, LetsTheConditionalBranchDecideForBoth) {
  const std::string options = ":retention=0,branch=conditional,profile=" + write();
  EXPECT_EQ(patterns(options, topology_, profile_.run), (std::vector<std::string>{"CRRR", "CRRR"}));
}

TEST_F(MagCacheProfile, IsRefusedWhereItDoesNotFit) {
  RunInfo other = profile_.run;
  other.steps = 5;
  std::string message = refusal_of("magcache:profile=" + write(), topology_, other);
  EXPECT_NE(message.find("measured.json: made for steps 4; this run has 5"), std::string::npos) << message;

  profile_.arrays["residual_ratio"] = at::full({2, 3}, 1.0);
  message = refusal_of("magcache:profile=" + write(), topology_, profile_.run);
  EXPECT_NE(message.find("'residual_ratio' has the shape [2, 3]"), std::string::npos) << message;

  profile_.arrays["residual_ratio"] = at::full({1, 4}, 1.0);
  profile_.run.branches = {Branch::kConditional};
  RunInfo both = profile_.run;
  both.branches = kTwoBranches;
  message = refusal_of("magcache:profile=" + write(), topology_, both);
  EXPECT_NE(message.find("has no unconditional branch"), std::string::npos) << message;
}

/// Three blocks: two add a constant, the last one the step's index.
ScriptedModel with_moving_tail() {
  Script script;
  script.blocks = 3;
  script.output = [](int unit, int step, int, const at::Tensor& hidden) {
    return at::full_like(hidden, unit == 2 ? step : 5);
  };
  return ScriptedModel(script);
}

TEST(MagCache, KeepsLastBlocksFresh) {
  const ScriptedModel model = with_moving_tail();
  const PolicyRun full = run_policy(model, "none", 8);
  const PolicyRun cached = run_policy(model, "magcache:ratios=1,max_reuse=4,last_blocks=1", 8);
  EXPECT_EQ(cached.pattern("blocks.0-1"), "CCRRRRCR");
  EXPECT_EQ(cached.units_computed, 8 + 3 * 2);
  for (std::size_t step = 0; step < 8; ++step) {
    EXPECT_TRUE(same_bits(cached.predictions[step][0], full.predictions[step][0])) << step;
  }
}

TEST(MagCache, SaysThatTheBudgetIsExhausted) {
  const PolicySetup no_bytes{.options = {.max_cache_bytes = 0}};
  const PolicyRun run = run_policy(with_moving_tail(), "magcache:ratios=0.99", 12, no_bytes);
  EXPECT_EQ(run.pattern(), std::string(12, 'C'));
  for (std::size_t step = 3; step < 12; ++step) {
    EXPECT_TRUE(run.events[step].reason.ends_with("over the byte budget")) << run.events[step].reason;
  }
}

TEST(MagCache, SwitchedOffGivesTheBitsOfNoPolicy) { EXPECT_TRUE(is_bit_exact(ToyModel(), "magcache:threshold=0")); }

TEST(MagCache, RefusesWhatCannotBe) {
  const Topology topology = with_moving_tail().topology();
  struct Case {
    std::string options, expected;
  };
  const std::vector<Case> cases = {
      {"", "magcache:ratios: none are published for model 'scripted' and no profile"},
      {":ratios=1/x", "magcache:ratios: 'x' is no number; accepted: numbers a/b/c"},
      {":ratios=1/0", "magcache:ratios: '1/0' has a ratio that is not positive"},
      {":ratios=1,profile=p", "magcache:profile: has no effect where ratios are given"},
      {":ratios=1,branch=conditional",
       "magcache:branch: has no effect in a run of one branch; accepted: leaving it out"},
      {":ratios=1,last_blocks=3", "magcache:last_blocks: 3 leaves nothing to reuse; accepted: at most 2 of"},
      {":retention=1.5", "magcache:retention: '1.5' is not possible; accepted: a number from 0 to 1"},
  };
  for (const Case& c : cases) {
    const std::string message = refusal_of("magcache" + c.options, topology, run_info(5));
    EXPECT_NE(message.find(c.expected), std::string::npos) << c.options << " gave: " << message;
  }
}

}  // namespace
}  // namespace ditto
