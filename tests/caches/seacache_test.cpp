#include "caches/seacache.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>

#include "caches/change.h"
#include "caches/spectral_filter.h"
#include "models/toy/toy_model.h"
#include "policy_run.h"
#include "tolerances.h"

namespace ditto {
namespace {

using namespace test;

/// Relative to the largest of the expected values.
void expect_near(const at::Tensor& found, const std::vector<float>& expected) {
  const at::Tensor wanted = at::tensor(expected, at::kFloat);
  EXPECT_LT(largest_difference(found.flatten(), wanted) / wanted.abs().max().item<double>(), tolerance::kUnitFloat32);
}

const std::vector<float> kLine = {1, 2, 3, 4, 0, 0, 0, 0};

TEST(SpectralFilter, HasThePublishedGains) {
  const auto half_spectrum = [](double sigma) {
    std::vector<double> gains = spectral_gains(8, sigma, 3);
    for (int k = 1; k < 4; ++k) EXPECT_EQ(gains[static_cast<std::size_t>(k)], gains[static_cast<std::size_t>(8 - k)]);
    return at::tensor(std::vector<double>(gains.begin(), gains.begin() + 5), at::kFloat);
  };
  expect_near(half_spectrum(0.95), {3.08209357F, 1.80759669F, 0.46412703F, 0.15381927F, 0.06682046F});
  expect_near(half_spectrum(0.7), {1.14760047F, 1.13552565F, 1.05762859F, 0.89161068F, 0.6828697F});
  expect_near(half_spectrum(0.3), {1.00604513F, 1.00568435F, 1.00316615F, 0.99639415F, 0.98346556F});
}

TEST(SpectralFilter, FiltersALine) {
  const at::Tensor line = at::tensor(kLine, at::kFloat).reshape({1, 1, 8, 1});
  expect_near(spectral_filter(line, 0.95, 3),
              {3.50950371F, 5.78736376F, 7.29313316F, 6.64750016F, 3.69819295F, 1.48715335F, 0.84281756F, 1.55527102F});
  expect_near(spectral_filter(line, 0.3, 3), {1.00734199F, 2.00944815F, 3.02468572F, 4.01036897F, 0.01287191F,
                                              -0.00576869F, 0.00186047F, -0.00035721F});
}

TEST(SpectralFilter, ItsOwnChangeIsPartOfTheDistance) {
  const at::Tensor line = at::tensor(kLine, at::kFloat).reshape({1, 1, 8, 1});
  const at::Tensor early = spectral_filter(line, 0.95, 3), late = spectral_filter(line, 0.3, 3);
  EXPECT_NEAR(*relative_change(late, early, KernelMode::kAuto), 20.76062 / 30.82085, tolerance::kUnitFloat32)
      << "of the sums of the vectors above; the input has not changed";
}

TEST(SpectralFilter, FiltersEveryAxisOfEveryChannelAsTheFullTransformDoes) {
  // Expected values: numpy's fftn, gain as an outer product over its mean, ifftn.
  const at::Tensor grid = at::arange(24, at::kFloat).square().remainder(7).reshape({2, 3, 4, 1});
  const at::Tensor two_channels = grid * at::tensor({1.0F, -2.0F});
  const at::Tensor filtered = spectral_filter(two_channels, 0.6, 3);
  const std::vector<float> expected = {0.63376F,  1.533007F, 4.276861F, 2.425863F, 2.774991F, 4.593299F,
                                       1.604297F, 0.67236F,  1.508195F, 4.245562F, 2.612608F, 2.599731F,
                                       4.27935F,  1.423631F, 0.573051F, 1.699927F, 4.691708F, 2.75505F,
                                       2.386543F, 4.432479F, 1.58679F,  0.569192F, 1.556733F, 4.52173F};
  expect_near(filtered.select(-1, 0), expected);
  expect_near(filtered.select(-1, 1) / -2, expected);
  EXPECT_NEAR(spectral_filter(grid, 0.6, 2).flatten()[0].item<double>(), 1.514497, tolerance::kUnitFloat32);
}

TEST(SpectralFilter, LeavesASinglePointAlone) {
  const at::Tensor point = at::full({1, 1, 1, 3}, 2.5);
  EXPECT_TRUE(same_bits(spectral_filter(point, 1.0, 3), point));
}

/// One block of one token, whose modulated input changes by the given fractions from step to step.
ScriptedModel with_increments(const std::vector<double>& increments) {
  std::vector<double> values = {1};
  for (std::size_t step = 1; step < increments.size(); ++step) values.push_back(values.back() * (1 + increments[step]));
  Script script;
  script.signal = [values](int step, int) { return values[static_cast<std::size_t>(step)]; };
  return ScriptedModel(script);
}

TEST(SeaCache, AccumulatesThePublishedIncrements) {
  const ScriptedModel model = with_increments(
      {0, .30, .22, .15, .12, .10, .08, .06, .05, .05, .05, .06, .07, .08, .10, .12, .15, .18, .22, .25});
  EXPECT_EQ(run_policy(model, "seacache:threshold=0.2", 20).pattern(), "CCCRCRRCRRRCRRCRCRCC");
  // Six increments add up to 0.35 but for rounding: just below, it does not decide.
  EXPECT_EQ(run_policy(model, "seacache:threshold=0.3499", 20).pattern(), "CRCRRCRRRRRCRRRCRRCC");
  EXPECT_EQ(run_policy(model, "seacache:threshold=0.2,first=5,last=0", 20).pattern(), "CCCCCRRCRRRCRRCRCRCC");
}

TEST(SeaCache, LetsBranchesDecideAlone) {
  Script script;
  script.signal = [](int step, int branch) { return branch == 0 ? 1 : std::pow(2.0, step); };
  const PolicyRun run = run_policy(ScriptedModel(script), "seacache", 5, {.branches = kTwoBranches});
  EXPECT_EQ(run.pattern(Branch::kConditional), "CRRRC");
  EXPECT_EQ(run.pattern(Branch::kUnconditional), "CCCCC");
}

/// Eight tokens in a line that enter the first unit as they are.
class LineModel : public ScriptedModel {
 public:
  LineModel() : ScriptedModel(Script{}) {}
  Activations embed(const RunContext& context, const at::Tensor& latent, int step,
                    std::vector<int> rows) const override {
    const auto count = static_cast<std::int64_t>(rows.size());
    return {{latent.reshape({1, 8, 1}).repeat({count, 1, 1}), {}}, std::move(rows), step, &context};
  }
  at::Tensor signal(Signal, const Activations& activations) const override { return activations.hidden.video.clone(); }
  at::Tensor project(const Activations& activations) const override {
    return activations.hidden.video.reshape({-1, 1, 1, 1, 8}).clone();
  }
};

std::vector<double> scores(const std::string& specification, int steps) {
  const auto line = [](int) { return at::tensor(kLine, at::kFloat).reshape({1, 1, 1, 1, 8}); };
  std::vector<double> scores;
  for (const TraceEvent& event : run_policy(LineModel(), specification, steps, {.latent = line}).events) {
    scores.push_back(event.score.value_or(-1));
  }
  return scores;
}

TEST(SeaCache, MeasuresTheDriftOfTheFilteredInput) {
  const at::Tensor line = at::tensor(kLine, at::kFloat).reshape({1, 1, 8, 1});
  const auto filtered = [&](double sigma) { return spectral_filter(line, sigma, 3); };
  const double first = *relative_change(filtered(0.75), filtered(1.0), KernelMode::kAuto);
  const double second = *relative_change(filtered(0.5), filtered(0.75), KernelMode::kAuto);
  const std::vector<double> ditto = scores("seacache:threshold=10,last=0", 4);
  EXPECT_NEAR(ditto[1], first, tolerance::kClosedForm);
  EXPECT_NEAR(ditto[2], first + second, tolerance::kClosedForm);
  const std::vector<double> official = scores("seacache:threshold=10,last=0,mode=official", 4);
  EXPECT_NEAR(official[1], *relative_change(filtered(0.75), line, KernelMode::kAuto), tolerance::kClosedForm);
  EXPECT_NEAR(official[2] - official[1], second, tolerance::kClosedForm);
  EXPECT_NE(scores("seacache:threshold=10,last=0,power=2", 4)[1], ditto[1]);
}

TEST(SeaCache, MeasuresTheLatentWhereAsked) {
  // The network sees nothing of it here: its modulated input is constant.
  const auto line = [](int step) { return at::tensor(kLine, at::kFloat).reshape({1, 1, 1, 1, 8}) * (1.0 + step); };
  class Blind : public LineModel {
    at::Tensor signal(Signal, const Activations&) const override { return at::full({1, 8, 1}, 1.0); }
  };
  const PolicyRun run = run_policy(Blind(), "seacache:threshold=10,last=0,indicator=latent", 2, {.latent = line});
  const at::Tensor once = spectral_filter(line(0).reshape({1, 1, 8, 1}), 1.0, 3);
  const at::Tensor twice = spectral_filter(line(1).reshape({1, 1, 8, 1}), 0.5, 3);
  EXPECT_NEAR(*run.events[1].score, *relative_change(twice, once, KernelMode::kAuto), tolerance::kClosedForm);
}

TEST(SeaCache, BoundsReuseAndForecastsWhereAsked) {
  Script script;
  script.output = [](int, int step, int, const at::Tensor& hidden) { return at::full_like(hidden, 3 * step); };
  const ScriptedModel model(script);
  EXPECT_EQ(run_policy(model, "seacache:max_reuse=2,last=0", 9).pattern(), "CRRCRRCRR");
  const PolicyRun full = run_policy(model, "none", 9);
  const PolicyRun forecast = run_policy(model, "seacache:max_reuse=2,order=1,first=2", 9);
  EXPECT_EQ(forecast.pattern(), "CCFFCFFCC");
  for (std::size_t step = 0; step < 9; ++step) {
    EXPECT_LT(largest_difference(forecast.predictions[step][0], full.predictions[step][0]), tolerance::kUnitFloat32);
  }
}

TEST(SeaCache, KeepsLastBlocksFresh) {
  Script script;
  script.blocks = 3;
  script.output = [](int unit, int step, int, const at::Tensor& hidden) {
    return at::full_like(hidden, unit == 2 ? step : 5);
  };
  const ScriptedModel model(script);
  const PolicyRun full = run_policy(model, "none", 6);
  const PolicyRun cached = run_policy(model, "seacache:last_blocks=1", 6);
  EXPECT_EQ(cached.pattern("blocks.0-1"), "CRRRRC");
  for (std::size_t step = 0; step < 6; ++step) {
    EXPECT_TRUE(same_bits(cached.predictions[step][0], full.predictions[step][0])) << step;
  }
}

TEST(SeaCache, ComputesWhatItCannotMeasure) {
  Script zero, nan;
  zero.signal = [](int, int) { return 0.0; };
  nan.signal = [](int, int) { return std::nan(""); };
  EXPECT_EQ(run_policy(ScriptedModel(zero), "seacache", 4).pattern(), "CCCC");
  EXPECT_EQ(run_policy(ScriptedModel(nan), "seacache", 4).pattern(), "CCCC");
}

TEST(SeaCache, SaysThatTheBudgetIsExhausted) {
  for (const std::int64_t bytes : {0, 4}) {
    const PolicyRun run = run_policy(ScriptedModel(Script{}), "seacache", 4, {.options = {.max_cache_bytes = bytes}});
    EXPECT_EQ(run.pattern(), "CCCC");
    EXPECT_TRUE(run.events[1].reason.ends_with("over the byte budget")) << run.events[1].reason;
  }
}

TEST(SeaCache, ReusesOnAVideoGrid) {
  const ToyModel model;
  const Result cached = run_toy(model, toy_request(20), {"seacache:threshold=0.4"});
  const std::string pattern = cached.trace.pattern("blocks.0-2", Branch::kConditional);
  EXPECT_NE(pattern.find('R'), std::string::npos) << pattern;
  EXPECT_NE(pattern.find("RC"), std::string::npos) << pattern;
}

TEST(SeaCache, SwitchedOffGivesTheBitsOfNoPolicy) { EXPECT_TRUE(is_bit_exact(ToyModel(), "seacache:threshold=0")); }

TEST(SeaCache, RefusesWhatCannotBe) {
  std::string message = refusal_of("seacache:last_blocks=1", ScriptedModel(Script{}).topology(), run_info(3));
  EXPECT_NE(message.find("seacache:last_blocks: 1 leaves nothing to reuse"), std::string::npos) << message;

  class Elsewhere : public LineModel {
    at::Tensor signal(Signal, const Activations&) const override { return at::full({1, 3, 1}, 1.0); }
  };
  const auto line = [](int) { return at::tensor(kLine, at::kFloat).reshape({1, 1, 1, 1, 8}); };
  try {
    run_policy(Elsewhere(), "seacache", 2, {.latent = line});
    FAIL() << "not refused";
  } catch (const Error& error) {
    message = error.what();
  }
  EXPECT_NE(message.find("the model has 3 tokens where its latent has a grid of 1x1x8"), std::string::npos) << message;
}

}  // namespace
}  // namespace ditto
