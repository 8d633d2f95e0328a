// What a policy is shown: states, probes, signals, snapshots and what it asked to remember.

#include <gtest/gtest.h>

#include "runtime/numbered_model.h"

namespace ditto::test {
namespace {

Decision recompute(const DecisionPoint&) { return Decision::recompute(""); }

TEST(Evidence, ShowsTheStateEnteringAndLeavingASite) {
  for (const Site& site : {named_site("pair", 1, 3, FeatureForm::kDelta), named_site("pair", 1, 3, FeatureForm::kState),
                           named_site("unit", 1, 2, FeatureForm::kOutput)}) {
    std::vector<double> entering, leaving;
    FunctionPolicy policy(
        {{site}},
        [&](const DecisionPoint& point) {
          entering.push_back(number(point.evidence.hidden()));
          return Decision::recompute("");
        },
        [&](const DecisionPoint& point, const Feature&, const Feature*) {
          leaving.push_back(number(point.evidence.hidden()));
        });
    run_engine(numbered_model(), policy, 1, numbered_latent, {kBothBranches, {}, {}});
    const double after_unit = 1000 + 1 + 10, after_pair = after_unit + 100;
    EXPECT_EQ(entering, (std::vector<double>{1001, 1001.5}));
    EXPECT_EQ(leaving, site.end == 3 ? (std::vector<double>{after_pair, after_pair + 1.5})
                                     : (std::vector<double>{after_unit, after_unit + 1}))
        << site.name << " " << form_name(site.form);
  }
}

TEST(Evidence, HasNoStateAtThePrediction) {
  int asked = 0;
  FunctionPolicy policy(
      {.sites = {prediction_site(FeatureForm::kOutput)}, .probes = {Probe{-1}}, .signals = {Signal::kTimeEmbedding}},
      [&](const DecisionPoint& point) {
        EXPECT_FALSE(point.evidence.hidden().defined());
        EXPECT_FALSE(point.evidence.probe(0).defined());
        EXPECT_FALSE(point.evidence.signal(Signal::kTimeEmbedding).defined());
        EXPECT_EQ(number(point.latent), 1000 * (point.step.index + 1));
        ++asked;
        return Decision::recompute("");
      });
  run_engine(numbered_model(), policy, 2, numbered_latent);
  EXPECT_EQ(asked, 2);
}

TEST(Evidence, ShowsFreshFeaturesToObserve) {
  std::vector<double> fresh;
  FunctionPolicy policy({{named_site("unit", 0, 1, FeatureForm::kOutput), named_site("pair", 1, 3, FeatureForm::kDelta),
                          prediction_site(FeatureForm::kDelta), prediction_site(FeatureForm::kBranchDelta)}},
                        recompute, [&](const DecisionPoint& point, const Feature& feature, const Feature* shadow) {
                          if (point.branch == Branch::kUnconditional) fresh.push_back(number(feature.video));
                          EXPECT_EQ(shadow, nullptr);
                          EXPECT_TRUE(point.snapshots.empty()) << "the fresh one is stored afterwards";
                        });
  run_engine(numbered_model(), policy, 1, numbered_latent, {kBothBranches, {}, {}});
  EXPECT_EQ(fresh, (std::vector<double>{1.5, 110 + 1, 111 + 1.5, 1.5}));
}

TEST(Evidence, ProbesHoldTheStateAfterAUnitUntilTheStepEnds) {
  std::vector<double> seen;
  const Plan plan{
      .sites = {named_site("first", 0, 1, FeatureForm::kOutput), named_site("last", 2, 3, FeatureForm::kOutput)},
      .probes = {Probe{-1}, Probe{0}, Probe{2}}};
  FunctionPolicy policy(plan, [&](const DecisionPoint& point) {
    for (int probe = 0; probe < 3; ++probe) {
      const at::Tensor state = point.evidence.probe(probe);
      if (point.branch == Branch::kConditional) seen.push_back(state.defined() ? number(state) : -1);
    }
    return Decision::recompute("");
  });
  run_engine(numbered_model(), policy, 2, numbered_latent, {kBothBranches, {}, {}});
  EXPECT_EQ(seen, (std::vector<double>{1000, -1, -1, 1000, 1001, -1,     // step 0: probe 2 is not reached yet
                                       2000, -1, -1, 2000, 2002, -1}));  // step 1: nothing is left of step 0
}

TEST(Evidence, ProbesAfterAReusedSiteSeeItsResultAndThoseInsideItNothing) {
  std::vector<double> seen;
  FunctionPolicy policy(
      {.sites = {named_site("pair", 0, 2, FeatureForm::kDelta), named_site("last", 2, 3, FeatureForm::kOutput)},
       .probes = {Probe{0}, Probe{1}}},
      [&](const DecisionPoint& point) {
        if (point.site == 1 && point.step.index == 1) {
          EXPECT_FALSE(point.evidence.probe(0).defined());
          seen.push_back(number(point.evidence.probe(1)));
        }
        return point.site == 0 ? reuse_after_first(point) : Decision::recompute("");
      });
  run_engine(numbered_model(), policy, 2, numbered_latent);
  EXPECT_EQ(seen, std::vector<double>{2000 + 1 + 10});
}

TEST(Evidence, SignalsAreThoseOfTheBranchAndOnlyTheDeclaredOnes) {
  Script script;
  script.signal = [](int step, int branch) { return 10.0 * step + branch; };
  std::vector<double> seen;
  FunctionPolicy policy(
      {.sites = {named_site("unit", 0, 1, FeatureForm::kOutput)}, .signals = {Signal::kTimeEmbedding}},
      [&](const DecisionPoint& point) {
        seen.push_back(number(point.evidence.signal(Signal::kTimeEmbedding)));
        EXPECT_FALSE(point.evidence.signal(Signal::kTimeProjection).defined());
        return Decision::recompute("");
      });
  for (const std::int64_t max_batched_tokens : {0, 2048}) {
    seen.clear();
    run_engine(ScriptedModel(script), policy, 2, numbered_latent,
               {kBothBranches, {}, {.max_batched_tokens = max_batched_tokens}});
    EXPECT_EQ(seen, (std::vector<double>{0, 1, 10, 11}));
  }
}

TEST(Evidence, SnapshotsAreOfTheBranchNewestFirstWithTheirPositions) {
  FunctionPolicy policy({{named_site("unit", 0, 1, FeatureForm::kOutput, 2)}}, [](const DecisionPoint& point) {
    const int step = point.step.index;
    const double branch = point.branch == Branch::kConditional ? 0 : 0.5;
    EXPECT_EQ(point.age(), step == 0 ? -1 : step == 3 ? 2 : 1);
    if (step == 3) {
      EXPECT_EQ(point.snapshots.size(), 2U);
      EXPECT_EQ(point.snapshots[0].index, 1);
      EXPECT_EQ(point.snapshots[1].index, 0);
      EXPECT_DOUBLE_EQ(point.snapshots[0].sigma, 0.75);
      EXPECT_EQ(number(point.snapshots[0].feature.video), 2 + branch);
      EXPECT_EQ(number(point.snapshots[1].feature.video), 1 + branch);
    }
    return step == 2 ? Decision::reuse("") : Decision::recompute("");
  });
  const EngineRun run = run_engine(numbered_model(), policy, 4, numbered_latent, {kBothBranches, {}, {}});
  EXPECT_EQ(run.pattern("unit"), "CCRC");
}

TEST(Evidence, RemembersPerSiteAndBranch) {
  const auto name_of = [](const DecisionPoint& point) {
    return 10.0 * point.site + (point.branch == Branch::kConditional ? 1 : 2);
  };
  FunctionPolicy policy({{named_site("a", 0, 1, FeatureForm::kOutput), named_site("b", 1, 2, FeatureForm::kOutput),
                          prediction_site(FeatureForm::kOutput)}},
                        [&](const DecisionPoint& point) {
                          if (point.step.index == 0) {
                            EXPECT_FALSE(point.evidence.recall("x").defined());
                            EXPECT_TRUE(point.evidence.remember("x", at::full({1}, name_of(point))));
                          } else {
                            EXPECT_EQ(number(point.evidence.recall("x")), name_of(point));
                          }
                          EXPECT_FALSE(point.evidence.recall("y").defined());
                          return Decision::recompute("");
                        });
  run_engine(numbered_model(), policy, 2, numbered_latent, {kBothBranches, {}, {}});
}

TEST(Evidence, RemembersAStateAsItWas) {
  // hidden() is a view that the engine goes on to update, and one row of a batch.
  FunctionPolicy policy({{named_site("unit", 0, 1, FeatureForm::kOutput)}}, [](const DecisionPoint& point) {
    const at::Tensor before = point.evidence.recall("state");
    EXPECT_EQ(before.defined() ? number(before) : 0, 1000.0 * point.step.index);
    EXPECT_TRUE(point.evidence.remember("state", point.evidence.hidden()));
    const at::Tensor held = point.evidence.recall("state");
    EXPECT_EQ(held.storage().nbytes(), held.nbytes()) << "a view keeps alive more than is accounted for";
    return Decision::recompute("");
  });
  for (const std::int64_t max_batched_tokens : {0, 2048}) {
    run_engine(numbered_model(), policy, 3, numbered_latent,
               {kBothBranches, {}, {.max_batched_tokens = max_batched_tokens}});
  }
}

TEST(Evidence, RememberingNothingForgets) {
  FunctionPolicy policy({{prediction_site(FeatureForm::kOutput)}}, [](const DecisionPoint& point) {
    EXPECT_TRUE(point.evidence.remember("x", at::full({4}, 1.0F)));
    EXPECT_TRUE(point.evidence.remember("x", point.evidence.hidden())) << "undefined here";
    EXPECT_FALSE(point.evidence.recall("x").defined());
    return Decision::recompute("");
  });
  run_engine(numbered_model(), policy, 1, numbered_latent);
}

TEST(Evidence, SnapshotsOwnTheirBytes) {
  // A row of a batch would keep the other branch's row alive beyond the budget's account.
  const auto owned = [](const Snapshot& snapshot) {
    return snapshot.feature.video.storage().nbytes() == snapshot.feature.video.nbytes();
  };
  FunctionPolicy policy(
      {{named_site("unit", 0, 1, FeatureForm::kOutput), named_site("delta", 1, 2, FeatureForm::kDelta),
        named_site("state", 2, 3, FeatureForm::kState), prediction_site(FeatureForm::kOutput),
        prediction_site(FeatureForm::kBranchDelta)}},
      [&](const DecisionPoint& point) {
        EXPECT_TRUE(std::ranges::all_of(point.snapshots, owned)) << "site " << point.site;
        return Decision::recompute("");
      });
  for (const std::int64_t max_batched_tokens : {0, 2048}) {
    run_engine(numbered_model(), policy, 2, numbered_latent,
               {kBothBranches, {}, {.max_batched_tokens = max_batched_tokens}});
  }
}

}  // namespace
}  // namespace ditto::test
