#include "caches/teacache_calibration.h"

#include <cmath>
#include <vector>

#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

#include "caches/polynomial.h"
#include "caches/profile_support.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

Topology model_named(const std::string& name) {
  Topology topology;
  topology.identity = {name, "feed"};
  return topology;
}

RunInfo steps(int count) {
  RunInfo run;
  run.steps = count;
  return run;
}

PolicyOptions options_of(const std::string& specification) { return parse_policy(specification).options; }

TeaCacheCalibration published(const std::string& model, const std::string& specification = "teacache", int count = 50) {
  return calibrate_teacache(options_of(specification), model_named(model), steps(count));
}

/// A model whose indicator grows by `rate` of itself in every step: constant relative drift.
ScriptedModel drifting(double rate, const std::string& name = "scripted") {
  return ScriptedModel({.name = name, .signal = [rate](int step, int) { return std::pow(1 + rate, step); }});
}

TEST(TeaCacheCalibration, EvaluatesPublishedPolynomials) {
  const auto at_tenth = [](const char* model) { return evaluate_polynomial(published(model).coefficients, 0.1); };
  EXPECT_NEAR(at_tenth("FLUX.1-dev"), 0.206847, 1e-5);
  EXPECT_NEAR(at_tenth("HunyuanVideo"), 0.129196, 1e-5);
  EXPECT_NEAR(at_tenth("OpenSora-STDiT-v3"), 0.215937, 1e-5);
  EXPECT_NEAR(at_tenth("Latte-1"), 0.568675, 1e-5);
  EXPECT_NEAR(at_tenth("CogVideoX-2b"), 0.135282, 1e-5);
  EXPECT_NEAR(at_tenth("CogVideoX-5b"), 0.090506, 1e-5);
  EXPECT_NEAR(at_tenth("Wan2.1-T2V-1.3B-Diffusers"), 0.249923, 1e-5);
  EXPECT_NEAR(at_tenth("Wan2.1-T2V-14B-Diffusers"), -0.635951, 1e-5);
  EXPECT_NEAR(at_tenth("Wan2.1-I2V-14B-480P-Diffusers"), 0.053627, 1e-5);
  EXPECT_NEAR(at_tenth("Wan2.1-I2V-14B-720P-Diffusers"), 0.122998, 1e-5);
  const auto wan_14b = published("Wan2.1-T2V-14B").coefficients;
  EXPECT_NEAR(evaluate_polynomial(wan_14b, 0.05), -4.091814, 1e-5);
  EXPECT_NEAR(evaluate_polynomial(wan_14b, 0.15), 0.130675, 1e-5);
  const auto with_projection = published("Wan2.1-T2V-1.3B", "teacache:indicator=emb_proj").coefficients;
  EXPECT_NEAR(evaluate_polynomial(with_projection, 0.05), 0.141898, 1e-5);
}

TEST(TeaCacheCalibration, BringsIndicatorAndWindow) {
  EXPECT_EQ(published("FLUX.1-dev").indicator, "modulated");
  EXPECT_EQ(published("CogVideoX1.5-5B-I2V").indicator, "emb");
  const TeaCacheCalibration wan = published("Wan2.1-T2V-1.3B-Diffusers");
  EXPECT_EQ(wan.indicator, "emb");
  EXPECT_EQ(wan.window.first, 1);
  EXPECT_EQ(wan.window.last, 1);
  EXPECT_EQ(wan.origin, "polynomial published for model 'Wan2.1-T2V-1.3B-Diffusers'");
  const TeaCacheCalibration projected = published("Wan2.1-T2V-14B", "teacache:indicator=emb_proj");
  EXPECT_EQ(projected.window.first, 5);
  EXPECT_EQ(projected.window.last, 0);
  const TeaCacheCalibration hidream = published("HiDream-I1-Full", "teacache", 28);
  EXPECT_EQ(hidream.window.first, 3) << "a tenth of the steps, rounded up";
  EXPECT_EQ(hidream.window.last, 0);
}

TEST(TeaCacheCalibration, GivenOptionsWin) {
  const TeaCacheCalibration given =
      published("Wan2.1-T2V-1.3B", "teacache:indicator=emb_proj,coefficients=2/1,first=3,last=2");
  EXPECT_EQ(given.coefficients, (std::vector<double>{2, 1}));
  EXPECT_EQ(given.window.first, 3);
  EXPECT_EQ(given.window.last, 2);
  EXPECT_EQ(given.origin, "polynomial as given");
}

TEST(TeaCacheCalibration, SaysThatAModelIsUnknown) {
  const EngineRun run = run_with(drifting(0.1), "teacache:threshold=0.25", {.steps = 6});
  EXPECT_EQ(run.pattern("blocks.0.feed_forward"), "CRRCRC") << "the drift itself: 0.1, 0.2, 0.3";
  EXPECT_EQ(run.events.front().reason,
            "window; no polynomial is known for model 'scripted' and indicator emb: drift is taken as it is");
  EXPECT_EQ(published("Wan2.1-T2V-1.3B", "teacache:indicator=modulated").coefficients, (std::vector<double>{1, 0}));
}

TEST(TeaCacheCalibration, FollowsPublishedScheduleOfFlux) {
  const auto computed = [](const char* threshold) {
    const EngineRun run =
        run_with(drifting(0.1, "FLUX.1-dev"), std::string("teacache:threshold=") + threshold, {.steps = 28});
    return steps_of(run.pattern("blocks.0.feed_forward"), 'C');
  };
  const std::vector<int> every_second = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 27};
  EXPECT_EQ(computed("0.25"), every_second);
  EXPECT_EQ(computed("0.4"), every_second);
  EXPECT_EQ(computed("0.6"), (std::vector<int>{0, 3, 6, 9, 12, 15, 18, 21, 24, 27}));
  EXPECT_EQ(computed("0.8"), (std::vector<int>{0, 4, 8, 12, 16, 20, 24, 27}));
}

TEST(TeaCacheCalibration, NegativePolynomialLowersTheDriftUnlessClamped) {
  // -1 at a drift of 0.1, 0 at 0: without the clamp everything after the window is reused.
  const std::string falling = "teacache:threshold=0.05,last=0,coefficients=-10/0";
  const EngineRun official = run_with(drifting(0.1), falling, {.steps = 6});
  EXPECT_EQ(official.pattern("blocks.0.feed_forward"), "CRRRRR");
  EXPECT_EQ(official.events[1].reason, "drift below threshold; the polynomial is negative here");
  EXPECT_NEAR(official.events[2].score.value(), -2, tolerance::kClosedForm);
  const EngineRun clamped = run_with(drifting(0.1), falling + ",clamp=true", {.steps = 6});
  EXPECT_NEAR(clamped.events[5].score.value(), 0, tolerance::kClosedForm);
  EXPECT_EQ(clamped.events[5].reason, "drift below threshold");
}

TEST(TeaCacheCalibration, TakesThePolynomialOfAProfile) {
  const TempFolder folder;
  const ScriptedModel model = drifting(0.1);
  const RunSetup setup{.steps = 6};
  profile_of(model, setup, {{"teacache.modulated", at::tensor({2.0, 0.0})}}).write(folder / "measured");
  const std::string specification = "teacache:threshold=0.25,profile=" + (folder / "measured").string();
  const EngineRun run = run_with(model, specification, setup);
  EXPECT_EQ(run.pattern("blocks.0.feed_forward"), "CRCRCC") << "twice the drift: 0.2, 0.4";
  EXPECT_EQ(run.events.front().reason, "window; polynomial from a profile");
  EXPECT_NE(refusal_in(model, specification + ",indicator=emb", setup).find("holds no 'teacache.emb'"),
            std::string::npos);
  EXPECT_NE(refusal_in(model, specification, {.steps = 7}).find("made for steps 6; this run has 7"), std::string::npos);
}

TEST(TeaCacheCalibration, RefusesOptionsWithoutEffect) {
  const ScriptedModel model = drifting(0.1);
  EXPECT_EQ(refusal_in(model, "teacache:coefficients=1/0,profile=x"),
            "--cache: teacache:profile: has no effect beside coefficients; accepted: leaving it out");
  EXPECT_EQ(refusal_in(model, "teacache:coefficients=1/a"),
            "--cache: teacache:coefficients: 'a' is no number; accepted: a/b/c, highest power first");
  EXPECT_EQ(refusal_in(model, "teacache:first=-1"),
            "--cache: teacache:first: '-1' is not possible; accepted: an integer from 0 to 1000000000");
}

}  // namespace
}  // namespace ditto::test
