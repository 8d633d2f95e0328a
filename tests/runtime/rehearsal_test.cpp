#include "runtime/rehearsal.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "core/error.h"
#include "runtime/numbered_model.h"

namespace ditto::test {
namespace {

/// "site:pattern" per branch and site.
std::vector<std::string> rehearsed(const Plan& plan, const FunctionPolicy::Answer& answer, int steps,
                                   const std::vector<Branch>& branches = {Branch::kConditional}) {
  FunctionPolicy policy(plan, answer);
  std::vector<std::string> patterns;
  for (const RehearsedSite& site : rehearse(policy, plan, even_schedule(steps), branches)) {
    patterns.push_back(plan.sites[static_cast<std::size_t>(site.site)].name + ":" + site.pattern);
  }
  return patterns;
}

UnitBounds bounds_of(const Plan& plan, const FunctionPolicy::Answer& answer, int steps,
                     const std::vector<Branch>& branches = {Branch::kConditional}) {
  FunctionPolicy policy(plan, answer);
  const auto rehearsal = rehearse(policy, plan, even_schedule(steps), branches);
  return count_units(rehearsal, plan, 3, steps, branches);
}

TEST(Rehearsal, TellsWhatDoesNotDependOnFeatures) {
  const Plan plan{{named_site("a", 0, 1, FeatureForm::kOutput, 2), named_site("b", 1, 3, FeatureForm::kDelta)}};
  const auto answer = [](const DecisionPoint& point) {
    if (point.site == 0) {
      return point.step.index % 3 == 0 ? Decision::recompute("") : Decision::blend({2.0F, -1.0F}, "");
    }
    return point.age() >= 2 || point.age() < 0 ? Decision::recompute("") : Decision::reuse("");
  };
  // The first forecasts of `a` lack a second snapshot and are computed, as in a run.
  EXPECT_EQ(rehearsed(plan, answer, 7), (std::vector<std::string>{"a:CCFCFFC", "b:CRCRCRC"}));
  FunctionPolicy policy(plan, answer);
  const EngineRun run = run_engine(numbered_model(), policy, 7, numbered_latent);
  EXPECT_EQ(run.pattern("a"), "CCFCFFC");
  EXPECT_EQ(run.pattern("b"), "CRCRCRC");
  EXPECT_EQ(bounds_of(plan, answer, 7).least, run.counts.units_computed);
  EXPECT_EQ(bounds_of(plan, answer, 7).most, run.counts.units_computed);
}

TEST(Rehearsal, DoesNotAskInsideABlend) {
  const Plan plan{{named_site("unit", 0, 1, FeatureForm::kOutput), named_site("delta", 0, 1, FeatureForm::kDelta),
                   prediction_site(FeatureForm::kDelta), prediction_site(FeatureForm::kBranchDelta)}};
  const auto answer = [](const DecisionPoint& point) {
    // Step 1 reuses the unit's output, 2 its delta, 3 the prediction, 4 the branch delta.
    const std::vector<int> site_at = {-1, 0, 1, 2, 3};
    return point.site == site_at[static_cast<std::size_t>(point.step.index)] ? Decision::reuse("")
                                                                             : Decision::recompute("");
  };
  EXPECT_EQ(
      rehearsed(plan, answer, 5, kBothBranches),
      (std::vector<std::string>{"unit:CR--C", "delta:CCR-C", "prediction:CCCRC", "prediction.branch_delta:-----",
                                "unit:CR---", "delta:CCR--", "prediction:CCCRC", "prediction.branch_delta:CCC-R"}));
  FunctionPolicy policy(plan, answer);
  const EngineRun run = run_engine(numbered_model(), policy, 5, numbered_latent, {kBothBranches, {}, {}});
  EXPECT_EQ(run.pattern("unit", Branch::kUnconditional), "CR---");
  EXPECT_EQ(run.pattern("prediction.branch_delta", Branch::kUnconditional), "CCC-R");
  EXPECT_EQ(bounds_of(plan, answer, 5, kBothBranches).most, run.counts.units_computed);
}

TEST(Rehearsal, KnowsThatABranchDeltaNeedsBothPredictions) {
  // At step 0 the conditional prediction is impossible to blend; at step 1 it is reused, so no difference is stored.
  const Plan plan{{prediction_site(FeatureForm::kOutput), prediction_site(FeatureForm::kBranchDelta)}};
  const auto answer = [](const DecisionPoint& point) {
    if (point.site == 0) return point.branch == Branch::kConditional ? Decision::reuse("") : Decision::recompute("");
    return point.step.index < 2 ? Decision::recompute("") : Decision::blend({0.5F, 0.5F}, "");
  };
  Plan two_kept = plan;
  two_kept.sites[1].keep = 2;
  EXPECT_EQ(rehearsed(two_kept, answer, 3, kBothBranches)[3], "prediction.branch_delta:CCC");
  FunctionPolicy policy(two_kept, answer);
  const EngineRun run = run_engine(numbered_model(), policy, 3, numbered_latent, {kBothBranches, {}, {}});
  EXPECT_EQ(run.pattern("prediction.branch_delta", Branch::kUnconditional), "CCC");
}

TEST(Rehearsal, KnowsNothingOnceThePolicyLookedAtAFeature) {
  const Plan plan{{prediction_site(FeatureForm::kDelta), named_site("unit", 0, 1, FeatureForm::kOutput)}};
  const auto answer = [](const DecisionPoint& point) {
    if (point.step.index == 2) point.evidence.recall("x");
    return point.site == 1 && point.step.index == 1 ? Decision::reuse("") : Decision::recompute("");
  };
  // What it saw in one branch or site may decide at any other.
  EXPECT_EQ(rehearsed(plan, answer, 4, kBothBranches),
            (std::vector<std::string>{"prediction:CC??", "unit:CR??", "prediction:CC??", "unit:CR??"}));
  const UnitBounds bounds = bounds_of(plan, answer, 4, kBothBranches);
  EXPECT_EQ(bounds.least, 2 * (3 + 2));
  EXPECT_EQ(bounds.most, 2 * (3 + 2 + 3 + 3));
}

TEST(Rehearsal, ABlendThatTheRunRefusesIsComputed) {
  const Plan plan{{named_site("a", 0, 3, FeatureForm::kDelta)}};
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto weight = [](const DecisionPoint& point) {
    return point.step.index == 1 ? Decision::blend({kInfinity}, "") : Decision::blend({1.0F}, "");
  };
  const auto score = [](const DecisionPoint& point) {
    return Decision::reuse("", point.step.index == 1 ? std::nan("") : 0.5);
  };
  for (const FunctionPolicy::Answer& answer : {FunctionPolicy::Answer(weight), FunctionPolicy::Answer(score)}) {
    EXPECT_EQ(rehearsed(plan, answer, 3), (std::vector<std::string>{"a:CCR"}));
    FunctionPolicy policy(plan, answer);
    EXPECT_EQ(run_engine(numbered_model(), policy, 3, numbered_latent).pattern("a"), "CCR");
  }
}

TEST(Rehearsal, TakesADecisionThatFailsWithoutFeaturesForUnknown) {
  const auto answer = [](const DecisionPoint& point) {
    return point.evidence.hidden().mean().item<double>() < 0 ? Decision::reuse("") : Decision::recompute("");
  };
  EXPECT_EQ(rehearsed({{named_site("unit", 0, 1, FeatureForm::kOutput)}}, answer, 3),
            std::vector<std::string>{"unit:???"});
}

TEST(Outline, AgreesWithTheRun) {
  const ToyModel toy;
  for (const std::vector<std::string>& specifications :
       std::vector<std::vector<std::string>>{{},
                                             {"interval:interval=3,site=unit"},
                                             {"taylorseer:interval=2,first=2,order=2"},
                                             {"steps:compute=5", "interval:interval=2"},
                                             {"easycache:threshold=0.5,first=2"},
                                             {"teacache:threshold=0.3"}}) {
    const Request request = toy_request(9);
    const std::unique_ptr<CachePolicy> policy = factory_of(specifications)();
    const RunOutline outlined = outline(toy, request, *policy);
    const Result result = run_toy(toy, request, specifications);
    EXPECT_EQ(outlined.grid.nodes, result.trace.run.grid.nodes);
    EXPECT_EQ(outlined.grid.sigmas, result.trace.run.grid.sigmas);
    EXPECT_EQ(outlined.units_total, result.units_total);
    EXPECT_LE(outlined.units.least, result.counts.units_computed);
    EXPECT_GE(outlined.units.most, result.counts.units_computed);
    EXPECT_EQ(outlined.plan.sites.size(), result.trace.run.sites.size());
    EXPECT_EQ(outlined.decisions.size(), 2 * outlined.plan.sites.size());
    for (const RehearsedSite& site : outlined.decisions) {
      const std::string ran =
          result.trace.pattern(outlined.plan.sites[static_cast<std::size_t>(site.site)].name, site.branch);
      for (std::size_t k = 0; k < site.pattern.size(); ++k) {
        const char letter = ran[static_cast<std::size_t>(outlined.grid.nodes[k])];
        EXPECT_TRUE(site.pattern[k] == '?' || site.pattern[k] == letter) << site.pattern << " against " << ran;
      }
    }
  }
}

TEST(Outline, BoundsTheStoredFeatures) {
  const ToyModel toy;
  const auto bytes = [&](const std::string& specification) {
    const std::unique_ptr<CachePolicy> policy = factory_of({specification})();
    return outline(toy, toy_request(6), *policy).cache_bytes;
  };
  const std::int64_t feature_bytes = 2 * 2 * 2 * 4 * 4;
  EXPECT_EQ(bytes("none"), 0);
  EXPECT_EQ(bytes("interval:site=stack"), 2 * feature_bytes);
  EXPECT_EQ(bytes("interval:site=prediction"), 2 * feature_bytes);
  EXPECT_EQ(bytes("taylorseer:order=2"), 2 * 9 * 3 * feature_bytes);
  EXPECT_EQ(run_toy(toy, toy_request(9), {"taylorseer:order=2"}).cache_bytes_peak, 2 * 9 * 3 * feature_bytes);
}

TEST(Outline, RefusesWhatTheRunWouldRefuse) {
  const ToyModel toy;
  const auto refused = [&](const std::vector<std::string>& specifications) {
    const std::unique_ptr<CachePolicy> policy = factory_of(specifications)();
    EXPECT_THROW(outline(toy, toy_request(6), *policy), Error);
    EXPECT_THROW(run_toy(toy, toy_request(6), specifications), Error);
  };
  refused({"steps:compute=7"});
  refused({"interval:site=unit", "taylorseer:site=unit"});
  refused({"firstblock:first_blocks=3"});
}

}  // namespace
}  // namespace ditto::test
