// What a blend means at every feature form, told by the digits of the numbered model.

#include <ATen/TensorOperators.h>

#include <gtest/gtest.h>

#include "runtime/numbered_model.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

/// Predictions of both branches at step 1, after a recompute at step 0.
std::vector<double> reused(const Site& site, EngineOptions options = {}) {
  FunctionPolicy policy({{site}}, reuse_after_first);
  const EngineRun run = run_engine(numbered_model(), policy, 2, numbered_latent, {kBothBranches, {}, options});
  return {number(run.predictions[1][0]), number(run.predictions[1][1])};
}

TEST(FeatureForms, AreWhatTheNumbersSay) {
  EXPECT_EQ(numbered_prediction(1), 2000 + 2 + 20 + 200);
  const std::vector<std::pair<Site, std::vector<double>>> cases = {
      // One unit's output of step 0 in the place of that of step 1.
      {named_site("output", 1, 2, FeatureForm::kOutput), {2000 + 2 + 10 + 200, 2000 + 2 + 10 + 200 + 1.5}},
      // What units 0 and 1 added at step 0.
      {named_site("delta", 0, 2, FeatureForm::kDelta), {2000 + 1 + 10 + 200, 2000 + 1 + 10 + 200 + 1.5}},
      // The whole state after units 0 and 1 at step 0, its latent included.
      {named_site("state", 0, 2, FeatureForm::kState), {1000 + 1 + 10 + 200, 1000 + 1 + 10 + 200 + 1.5}},
      {prediction_site(FeatureForm::kOutput), {1111, 1111 + 1.5}},
      {prediction_site(FeatureForm::kDelta), {2000 + 111, 2000 + 111 + 1.5}},
      // Conditional as computed; unconditional that plus the difference at step 0.
      {prediction_site(FeatureForm::kBranchDelta), {2222, 2222 + 1.5}},
  };
  for (const auto& [site, expected] : cases) {
    EXPECT_EQ(reused(site), expected) << site.name;
    EXPECT_EQ(reused(site, {.max_batched_tokens = 0}), expected) << site.name << ", one branch at a time";
  }
}

TEST(FeatureForms, BlendSnapshotsByTheirWeightsNewestFirst) {
  const std::vector<std::pair<Site, double>> cases = {
      {named_site("output", 1, 2, FeatureForm::kOutput, 2), 3000 + 3 + (2 * 20 - 0.5 * 10) + 300},
      {named_site("delta", 0, 2, FeatureForm::kDelta, 2), 3000 + (2 * 22 - 0.5 * 11) + 300},
      {named_site("state", 0, 2, FeatureForm::kState, 2), (2 * 2022 - 0.5 * 1011) + 300},
      {prediction_site(FeatureForm::kOutput, 2), 2 * 2222 - 0.5 * 1111},
      {prediction_site(FeatureForm::kDelta, 2), 3000 + 2 * 222 - 0.5 * 111},
  };
  for (const auto& [site, expected] : cases) {
    FunctionPolicy policy({{site}}, [](const DecisionPoint& point) {
      return point.step.index < 2 ? Decision::recompute("first") : Decision::blend({2.0F, -0.5F}, "later");
    });
    const EngineRun run = run_engine(numbered_model(), policy, 3, numbered_latent);
    EXPECT_EQ(number(run.predictions[2][0]), expected) << site.name;
    EXPECT_EQ(run.pattern(site.name), "CCF") << site.name;
  }
}

TEST(FeatureForms, LeaveTheOldestSnapshotsOutWhenWeightsAreFew) {
  FunctionPolicy policy({{prediction_site(FeatureForm::kOutput, 3)}}, [](const DecisionPoint& point) {
    EXPECT_EQ(point.snapshots.size(), static_cast<std::size_t>(std::min(point.step.index, 3)));
    return point.step.index < 3 ? Decision::recompute("first") : Decision::blend({0.5F}, "later");
  });
  const EngineRun run = run_engine(numbered_model(), policy, 4, numbered_latent);
  EXPECT_EQ(number(run.predictions[3][0]), 0.5 * 3333);
}

TEST(FeatureForms, NeverStoreABlend) {
  // Were the blend of step 1 stored, step 2 would double the feature again.
  FunctionPolicy policy({{prediction_site(FeatureForm::kOutput, 2)}}, [](const DecisionPoint& point) {
    return point.step.index == 0 ? Decision::recompute("first") : Decision::blend({2.0F}, "later");
  });
  const EngineRun run = run_engine(numbered_model(), policy, 3, numbered_latent);
  EXPECT_EQ(number(run.predictions[1][0]), 2222);
  EXPECT_EQ(number(run.predictions[2][0]), 2222);
}

/// Outputs are cached before the gate: a constant output is reused exactly although the gate moves with the step,
/// whereas a delta holds the gate of the step it was computed at.
TEST(FeatureForms, GateAnOutputByTheStepItIsReusedAt) {
  const ToyModel toy({.feature = ToyFeature::kConstant});
  const Model& model = toy.denoiser();
  const auto latent = [](int, const EngineRun&) { return at::full({1, 4, 1, 2, 2}, 1.0F); };
  const EngineSetup setup{{Branch::kConditional}, {at::full({1, 1, 4}, 0.0F)}, {}};
  const auto last_prediction = [&](std::vector<Site> sites) {
    FunctionPolicy policy({std::move(sites)}, reuse_after_first);
    return run_engine(model, policy, 4, latent, setup).predictions[3][0];
  };
  const int units = model.topology().unit_count();
  std::vector<Site> outputs;
  for (int unit = 0; unit < units; ++unit) {
    outputs.push_back(unit_site(model.topology(), unit, unit + 1, FeatureForm::kOutput));
  }
  EXPECT_TRUE(same_bits(last_prediction(outputs), last_prediction({})));

  double added = 0;
  for (int unit = 0; unit < units; ++unit) added += ToyModel::constant_of(unit, 0);
  const at::Tensor reused = last_prediction({unit_site(model.topology(), 0, units, FeatureForm::kDelta)});
  EXPECT_NEAR(reused[0][0][0][0][0].item<double>(), 1 + ToyModel::gate_of(0) * added, tolerance::kClosedForm);
}

/// A model of two token streams: every unit adds 1 to the first and 10 to the second; the prediction adds both.
class TwoStreamModel : public ScriptedModel {
 public:
  TwoStreamModel() : ScriptedModel({.blocks = 3}) {}

  Activations embed(const RunContext& context, const at::Tensor& latent, int step,
                    std::vector<int> rows) const override {
    Activations activations = ScriptedModel::embed(context, latent, step, std::move(rows));
    activations.hidden.text = at::zeros_like(activations.hidden.video);
    return activations;
  }
  Feature run_unit(int, const Activations& activations) const override {
    const double step = activations.step + 1;
    return {at::full_like(activations.hidden.video, step), at::full_like(activations.hidden.text, 10 * step)};
  }
  void apply_unit(int, const Blend& blend, Activations& activations) const override {
    for (std::size_t k = 0; k < blend.terms.size(); ++k) {
      activations.hidden.video.add_(blend.terms[k].video, blend.weights[k]);
      activations.hidden.text.add_(blend.terms[k].text, blend.weights[k]);
    }
  }
  at::Tensor project(const Activations& activations) const override {
    Activations sum = activations;
    sum.hidden.video = activations.hidden.video + activations.hidden.text;
    return ScriptedModel::project(sum);
  }
};

TEST(FeatureForms, HoldBothStreams) {
  const std::vector<std::pair<Site, double>> cases = {
      {named_site("output", 0, 1, FeatureForm::kOutput), 2000 + 11 + 22 + 22},
      {named_site("delta", 0, 2, FeatureForm::kDelta), 2000 + 2 * 11 + 22},
      {named_site("state", 0, 2, FeatureForm::kState), 1000 + 2 * 11 + 22},
  };
  for (const auto& [site, expected] : cases) {
    FunctionPolicy policy({{site}}, reuse_after_first);
    const EngineRun run = run_engine(TwoStreamModel(), policy, 2, numbered_latent, {kBothBranches, {}, {}});
    EXPECT_EQ(number(run.predictions[1][0]), expected) << site.name;
    EXPECT_EQ(number(run.predictions[1][1]), expected) << site.name;
  }
}

}  // namespace
}  // namespace ditto::test
