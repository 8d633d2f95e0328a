// Sites inside sites: who is asked, in which order, and what is computed.

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/stacked_policy.h"
#include "runtime/numbered_model.h"

namespace ditto::test {
namespace {

/// "unit" inside "pair" inside the prediction, and "last" beside them.
Plan nested_plan() {
  return {{named_site("last", 2, 3, FeatureForm::kOutput), named_site("unit", 1, 2, FeatureForm::kOutput),
           named_site("pair", 0, 2, FeatureForm::kDelta), prediction_site(FeatureForm::kDelta)}};
}

TEST(Nesting, AsksTheOuterSiteFirst) {
  std::vector<std::string> asked;
  const Plan plan = nested_plan();
  FunctionPolicy policy(plan, [&](const DecisionPoint& point) {
    asked.push_back(plan.sites[static_cast<std::size_t>(point.site)].name);
    return Decision::recompute("");
  });
  run_engine(numbered_model(), policy, 1, numbered_latent);
  EXPECT_EQ(asked, (std::vector<std::string>{"prediction", "pair", "unit", "last"}));
}

TEST(Nesting, DoesNotAskInsideABlend) {
  // Step 1 reuses the unit, step 2 the pair around it, step 3 everything.
  const std::vector<std::string> reused = {"", "unit", "pair", "prediction"};
  const Plan plan = nested_plan();
  FunctionPolicy policy(plan, [&](const DecisionPoint& point) {
    const bool reuse =
        plan.sites[static_cast<std::size_t>(point.site)].name == reused[static_cast<std::size_t>(point.step.index)];
    return reuse ? Decision::reuse("") : Decision::recompute("");
  });
  const EngineRun run = run_engine(numbered_model(), policy, 4, numbered_latent);
  EXPECT_EQ(run.pattern("prediction"), "CCCR");
  EXPECT_EQ(run.pattern("pair"), "CCR-");
  EXPECT_EQ(run.pattern("unit"), "CR--");
  EXPECT_EQ(run.pattern("last"), "CCC-");
  EXPECT_EQ(run.counts.units_computed, 3 + 2 + 1 + 0);
  EXPECT_EQ(run.counts.branch_steps_computed, 3);
  EXPECT_EQ(number(run.predictions[1][0]), 2000 + 2 + 10 + 200);
  // The pair's newest delta is that of step 1, with the reused unit inside.
  EXPECT_EQ(number(run.predictions[2][0]), 3000 + (2 + 10) + 300);
  EXPECT_EQ(number(run.predictions[3][0]), 4000 + (2 + 10) + 300);
}

TEST(Nesting, WritesEventsInTheOrderOfStepBranchAndSite) {
  const Plan plan = nested_plan();
  FunctionPolicy policy(plan, [](const DecisionPoint&) { return Decision::recompute("r", 0.25); });
  for (const std::int64_t max_batched_tokens : {0, 2048}) {
    const EngineRun run = run_engine(numbered_model(), policy, 2, numbered_latent,
                                     {kBothBranches, {}, {.max_batched_tokens = max_batched_tokens}});
    ASSERT_EQ(run.events.size(), 2U * 2U * plan.sites.size());
    std::size_t event = 0;
    for (int step = 0; step < 2; ++step) {
      for (const Branch branch : kBothBranches) {
        for (const Site& site : plan.sites) {
          EXPECT_EQ(run.events[event].step, step);
          EXPECT_EQ(run.events[event].branch, branch);
          EXPECT_EQ(run.events[event].site, site.name);
          EXPECT_EQ(run.events[event].reason, "r");
          EXPECT_EQ(run.events[event].score, 0.25);
          EXPECT_EQ(run.events[event].age, step - 1 < 0 ? -1 : 1);
          ++event;
        }
      }
    }
  }
}

TEST(Nesting, AsksTheOutputOfAUnitInsideAnotherSiteOverThatUnit) {
  const Plan plan{{named_site("output", 1, 2, FeatureForm::kOutput), named_site("delta", 1, 2, FeatureForm::kDelta)}};
  FunctionPolicy policy(plan, [](const DecisionPoint& point) {
    const bool reuse = point.step.index == (point.site == 0 ? 1 : 2);
    return reuse ? Decision::reuse("") : Decision::recompute("");
  });
  const EngineRun run = run_engine(numbered_model(), policy, 3, numbered_latent);
  EXPECT_EQ(run.pattern("output"), "CR-");
  EXPECT_EQ(run.pattern("delta"), "CCR");
  EXPECT_EQ(number(run.predictions[2][0]), 3000 + 3 + 10 + 300);
}

TEST(Nesting, AsksLaterPredictionSitesUnlessAnEarlierOneBlends) {
  const Plan plan{{prediction_site(FeatureForm::kDelta), prediction_site(FeatureForm::kBranchDelta)}};
  FunctionPolicy policy(plan, [](const DecisionPoint& point) {
    const bool reuse = point.step.index == (point.site == 0 ? 1 : 2);
    return reuse ? Decision::reuse("") : Decision::recompute("");
  });
  const EngineRun run = run_engine(numbered_model(), policy, 3, numbered_latent, {kBothBranches, {}, {}});
  EXPECT_EQ(run.pattern("prediction", Branch::kUnconditional), "CRC");
  EXPECT_EQ(run.pattern("prediction.branch_delta", Branch::kUnconditional), "C-R");
  EXPECT_EQ(run.pattern("prediction.branch_delta"), "---") << "the conditional branch is the reference";
  EXPECT_EQ(number(run.predictions[1][1]), 2000 + 111 + 1.5);
  EXPECT_EQ(number(run.predictions[2][1]), 3333 + 1.5);
}

TEST(Nesting, OfOverlappingSitesIsAnError) {
  const Plan plan{{named_site("left", 0, 2, FeatureForm::kDelta), named_site("right", 1, 3, FeatureForm::kDelta)}};
  FunctionPolicy policy(plan, [](const DecisionPoint&) { return Decision::recompute(""); });
  try {
    run_engine(numbered_model(), policy, 1, numbered_latent);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_STREQ(error.what(),
                 "--cache: sites 'left' and 'right' overlap without nesting; accepted: policies whose sites are apart "
                 "or nest");
  }
}

TEST(Nesting, OfSitesOfTwoPoliciesIsCheckedTogether) {
  const auto make = [](Site site) {
    return std::make_unique<FunctionPolicy>(Plan{{std::move(site)}},
                                            [](const DecisionPoint&) { return Decision::recompute(""); });
  };
  std::vector<std::unique_ptr<CachePolicy>> policies;
  policies.push_back(make(named_site("left", 0, 2, FeatureForm::kDelta)));
  policies.push_back(make(named_site("right", 1, 3, FeatureForm::kDelta)));
  StackedPolicy stacked(std::move(policies));
  EXPECT_THROW(run_engine(numbered_model(), stacked, 1, numbered_latent), Error);
}

}  // namespace
}  // namespace ditto::test
