// Branches that decide alike run as one batch; none of it may show in decisions or numbers.

#include <gtest/gtest.h>

#include "runtime/numbered_model.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

/// How many rows every call of run_unit had.
class CountingModel : public ScriptedModel {
 public:
  CountingModel() : ScriptedModel(script()) {}
  Feature run_unit(int unit, const Activations& activations) const override {
    rows.push_back(static_cast<int>(activations.rows.size()));
    return ScriptedModel::run_unit(unit, activations);
  }
  mutable std::vector<int> rows;

 private:
  static Script script() {
    Script script;
    script.blocks = 2;
    return script;
  }
};

std::vector<int> rows_of(const FunctionPolicy::Answer& answer, std::int64_t max_batched_tokens = 2048) {
  CountingModel model;
  FunctionPolicy policy({{named_site("unit", 1, 2, FeatureForm::kOutput)}}, answer);
  run_engine(model, policy, 2, numbered_latent, {kBothBranches, {}, {.max_batched_tokens = max_batched_tokens}});
  return model.rows;
}

TEST(Batching, RunsBranchesTogetherWhereTheyDecideAlike) {
  const auto recompute = [](const DecisionPoint&) { return Decision::recompute(""); };
  EXPECT_EQ(rows_of(recompute), (std::vector<int>{2, 2, 2, 2}));
  EXPECT_EQ(rows_of(reuse_after_first), (std::vector<int>{2, 2, 2}));
}

TEST(Batching, RunsBranchesOneByOneWhereTheyDiffer) {
  const auto conditional_only = [](const DecisionPoint& point) {
    return point.branch == Branch::kUnconditional ? reuse_after_first(point) : Decision::recompute("");
  };
  EXPECT_EQ(rows_of(conditional_only), (std::vector<int>{2, 2, 2, 1}));
}

TEST(Batching, RunsBranchesOneByOneWhenThereAreManyTokens) {
  const auto recompute = [](const DecisionPoint&) { return Decision::recompute(""); };
  EXPECT_EQ(rows_of(recompute, 1), (std::vector<int>{2, 2, 2, 2})) << "one token";
  EXPECT_EQ(rows_of(recompute, 0), (std::vector<int>{1, 1, 1, 1, 1, 1, 1, 1}));
}

/// Every decision pattern of two branches over three sites, the same for both ways of running.
TEST(Batching, GivesTheNumbersOfOneByOne) {
  const ToyModel toy;
  const Model& model = toy.denoiser();
  const Plan plan{{unit_site(model.topology(), 0, 3, FeatureForm::kDelta, 2),
                   unit_site(model.topology(), 1, 2, FeatureForm::kOutput, 2),
                   unit_site(model.topology(), 4, 9, FeatureForm::kState)}};
  const auto latent = [](int step, const EngineRun&) {
    return draw_noise(static_cast<std::uint64_t>(step), {1, 4, 2, 3, 3});
  };
  const auto run = [&](std::int64_t max_batched_tokens) {
    FunctionPolicy policy(plan, [](const DecisionPoint& point) {
      const int number = 7 * point.step.index + 3 * point.site + (point.branch == Branch::kConditional ? 0 : 2);
      if (number % 4 == 0) return Decision::blend({1.5F, -0.5F}, "");
      return number % 4 == 1 ? Decision::reuse("") : Decision::recompute("");
    });
    return run_engine(
        model, policy, 8, latent,
        {kBothBranches, {toy.encode_text("a"), toy.encode_text("b")}, {.max_batched_tokens = max_batched_tokens}});
  };
  const EngineRun batched = run(2048), separate = run(0);
  ASSERT_EQ(batched.events.size(), separate.events.size());
  EXPECT_EQ(batched.counts.units_computed, separate.counts.units_computed);
  for (std::size_t e = 0; e < batched.events.size(); ++e) {
    EXPECT_EQ(batched.events[e].site, separate.events[e].site);
    EXPECT_EQ(batched.events[e].action, separate.events[e].action);
    EXPECT_EQ(batched.events[e].reason, separate.events[e].reason);
  }
  for (std::size_t step = 0; step < batched.predictions.size(); ++step) {
    for (std::size_t branch = 0; branch < 2; ++branch) {
      const double scale = batched.predictions[step][branch].abs().max().item<double>();
      EXPECT_LE(largest_difference(batched.predictions[step][branch], separate.predictions[step][branch]),
                tolerance::kUnitFloat32 * scale);
    }
  }
}

}  // namespace
}  // namespace ditto::test
