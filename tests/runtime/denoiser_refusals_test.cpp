// Impossible requests become recomputes with a reason; shadows look without acting.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "runtime/numbered_model.h"

namespace ditto::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(ImpossibleBlends, BecomeRecomputesWithAReason) {
  struct Case {
    Decision decision;
    int step;  ///< at which it is given; the steps before recompute
    std::string reason;
  };
  const std::vector<Case> cases = {
      {Decision::reuse("why"), 0, "why; nothing stored"},
      {Decision::reuse(""), 0, "nothing stored"},
      {Decision::blend({1.0F, 0.0F, 0.0F}, "why"), 1, "why; 3 weights for 1 snapshots"},
      {Decision::blend({}, "why"), 1, "why; 0 weights for 1 snapshots"},
      {Decision::blend({kNan}, "why"), 1, "why; weights are not finite"},
      {Decision::blend({0.5F, kInfinity}, "why"), 2, "why; weights are not finite"},
      {Decision::reuse("why", kNan), 1, "why; score is not finite"},
      {Decision::reuse("why", -INFINITY), 1, "why; score is not finite"},
  };
  for (const Site& site :
       {named_site("site", 1, 2, FeatureForm::kOutput, 2), named_site("site", 0, 3, FeatureForm::kDelta, 2),
        named_site("site", 0, 2, FeatureForm::kState, 2), prediction_site(FeatureForm::kOutput, 2)}) {
    for (const Case& c : cases) {
      int observed = 0;
      FunctionPolicy policy(
          {{site}},
          [&](const DecisionPoint& point) {
            return point.step.index == c.step ? c.decision : Decision::recompute("before");
          },
          [&](const DecisionPoint&, const Feature&, const Feature*) { ++observed; });
      const EngineRun run = run_engine(numbered_model(), policy, c.step + 1, numbered_latent);
      const TraceEvent& event = run.events.back();
      EXPECT_EQ(event.action, Action::kRecompute);
      EXPECT_EQ(event.reason, c.reason);
      EXPECT_TRUE(event.weights.empty());
      EXPECT_EQ(event.score.has_value(), c.decision.score.has_value()) << "the score stays in the trace";
      EXPECT_EQ(number(run.predictions.back()[0]), numbered_prediction(c.step));
      EXPECT_EQ(observed, c.step + 1) << "it is a recompute in every way";
    }
  }
}

TEST(ImpossibleBlends, OfOneBranchLeaveTheOtherAlone) {
  FunctionPolicy policy({{named_site("site", 0, 3, FeatureForm::kDelta)}}, [](const DecisionPoint& point) {
    if (point.step.index == 0) return Decision::recompute("");
    return point.branch == Branch::kConditional ? Decision::reuse("") : Decision::blend({kNan}, "");
  });
  const EngineRun run = run_engine(numbered_model(), policy, 2, numbered_latent, {kBothBranches, {}, {}});
  EXPECT_EQ(run.pattern("site"), "CR");
  EXPECT_EQ(run.pattern("site", Branch::kUnconditional), "CC");
  EXPECT_EQ(number(run.predictions[1][0]), 2000 + 111);
  EXPECT_EQ(number(run.predictions[1][1]), numbered_prediction(1, 1));
}

/// A scalar feature in fp32.
constexpr std::int64_t kFeatureBytes = 4;

TEST(ByteBudget, TurnsBlendsIntoRecomputes) {
  const Plan plan{{named_site("a", 0, 1, FeatureForm::kOutput), named_site("b", 1, 2, FeatureForm::kOutput),
                   named_site("c", 2, 3, FeatureForm::kOutput)}};
  FunctionPolicy policy(plan, [](const DecisionPoint&) { return Decision::reuse("again"); });
  const EngineRun run = run_engine(numbered_model(), policy, 3, numbered_latent,
                                   {{Branch::kConditional}, {}, {.max_cache_bytes = 2 * kFeatureBytes}});
  EXPECT_EQ(run.pattern("a"), "CRR");
  EXPECT_EQ(run.pattern("b"), "CRR");
  EXPECT_EQ(run.pattern("c"), "CCC");
  EXPECT_EQ(run.bytes_peak, 2 * kFeatureBytes);
  EXPECT_EQ(run.events.back().reason, "again; over the byte budget");
  EXPECT_EQ(number(run.predictions[2][0]), 3000 + 1 + 10 + 300);
}

TEST(ByteBudget, OfNothingIsFullCompute) {
  FunctionPolicy policy({{prediction_site(FeatureForm::kDelta)}}, [](const DecisionPoint& point) {
    EXPECT_FALSE(point.evidence.remember("latent", point.latent));
    return Decision::reuse("again");
  });
  const EngineRun run =
      run_engine(numbered_model(), policy, 3, numbered_latent, {kBothBranches, {}, {.max_cache_bytes = 0}});
  EXPECT_EQ(run.pattern("prediction"), "CCC");
  EXPECT_EQ(run.pattern("prediction", Branch::kUnconditional), "CCC");
  EXPECT_EQ(run.bytes_peak, 0);
  EXPECT_EQ(number(run.predictions[2][1]), numbered_prediction(2, 1));
}

TEST(Shadow, ComputesAndShowsTheBlendItWouldHaveMade) {
  for (const Site& site : {named_site("site", 1, 2, FeatureForm::kOutput, 2),
                           named_site("site", 1, 2, FeatureForm::kDelta, 2), prediction_site(FeatureForm::kDelta, 2)}) {
    std::vector<double> fresh, shadows;
    FunctionPolicy policy(
        {{site}},
        [](const DecisionPoint& point) {
          Decision decision = Decision::recompute("look");
          decision.weights = point.step.index < 2 ? std::vector<float>{1.0F} : std::vector<float>{2.0F, -1.0F};
          decision.shadow = true;
          return decision;
        },
        [&](const DecisionPoint&, const Feature& feature, const Feature* shadow) {
          fresh.push_back(number(feature.video));
          shadows.push_back(shadow == nullptr ? -1 : number(shadow->video));
        });
    const EngineRun run = run_engine(numbered_model(), policy, 3, numbered_latent);
    EXPECT_EQ(run.pattern(site.name), "CCC");
    const double scale = site.scope == Scope::kPrediction ? 111 : 10;
    EXPECT_EQ(fresh, (std::vector<double>{scale, 2 * scale, 3 * scale}));
    EXPECT_EQ(shadows, (std::vector<double>{-1, scale, 3 * scale})) << "none without a snapshot; exact on a line";
    EXPECT_EQ(run.events.back().reason, "look");
    EXPECT_TRUE(run.events.back().weights.empty());
    for (int step = 0; step < 3; ++step) {
      EXPECT_EQ(number(run.predictions[static_cast<std::size_t>(step)][0]), numbered_prediction(step));
    }
  }
}

TEST(Shadow, OfImpossibleWeightsIsNone) {
  int observed = 0;
  FunctionPolicy policy(
      {{prediction_site(FeatureForm::kOutput)}},
      [](const DecisionPoint&) {
        Decision decision = Decision::recompute("look");
        decision.weights = {kNan};
        decision.shadow = true;
        return decision;
      },
      [&](const DecisionPoint&, const Feature&, const Feature* shadow) {
        EXPECT_EQ(shadow, nullptr);
        ++observed;
      });
  const EngineRun run = run_engine(numbered_model(), policy, 2, numbered_latent);
  EXPECT_EQ(observed, 2);
  EXPECT_EQ(run.events.back().reason, "look") << "a recompute needs no excuse";
}

}  // namespace
}  // namespace ditto::test
