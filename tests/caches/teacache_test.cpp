#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "caches/patterns.h"
#include "caches/polynomial.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

/// An indicator that changes by `change` of its size from step to step.
ScriptedModel drifting_model(double change) {
  Script script;
  script.blocks = 2;
  script.signal = [change](int step, int) { return std::pow(1 + change, step); };
  return ScriptedModel(std::move(script));
}

at::Tensor still_latent(int, const EngineRun&) { return latent_of({1.0F}); }

constexpr const char* kFlux = "498.651651/-283.781631/55.8554382/-3.82021401/0.264230861";
constexpr const char* kWan14B = "-5784.54975374/5449.50911966/-1811.16591783/256.27178429/-13.02252404";

/// Published values of the fitted polynomials.
TEST(TeaCache, PolynomialsHaveThePublishedValues) {
  struct Value {
    const char* coefficients;
    double x, expected;
  };
  const std::vector<Value> values = {
      {kFlux, 0.1, 0.206847},
      {"733.226126/-401.131952/67.5869174/-3.149878/0.0961237896", 0.1, 0.129196},
      {"217.546007/-118.329252/26.8662585/-0.0459364272/0.048442624", 0.1, 0.215937},
      {"-2464.34137/308.044764/80.7447667/-4.11385132/0.111001402", 0.1, 0.568675},
      {"-31.0658903/25.4732368/-5.92380459/1.75769064/-0.00361568434", 0.1, 0.135282},
      {"-1538.80483/843.202495/-134.363087/7.97131516/-0.0523162339", 0.1, 0.090506},
      {"2396.76752/-1311.10545/201.331979/-8.29855975/0.137887774", 0.1, 0.249923},
      {kWan14B, 0.1, -0.635951},
      {kWan14B, 0.05, -4.091814},
      {kWan14B, 0.15, 0.130675},
      {"-302.33167/223.948934/-52.546397/5.8734844/-0.201973289", 0.1, 0.053627},
      {"-114.36346466/65.26524496/-18.82220707/4.91518089/-0.23412683", 0.1, 0.122998},
      {"-52186.2437/9230.41404/-528.275948/13.6987616/-0.0499875664", 0.05, 0.141898},
  };
  for (const Value& value : values) {
    EXPECT_NEAR(evaluate_polynomial(parse_polynomial(value.coefficients, ""), value.x), value.expected, 1e-5)
        << value.coefficients;
  }
}

/// FLUX, a drift of 0.1 at every one of 28 steps.
TEST(TeaCache, ComputesThePublishedSteps) {
  const auto computed = [](const std::string& threshold) {
    const std::string specification = "teacache:threshold=" + threshold + ",coefficients=" + kFlux;
    return steps_of(run_engine(drifting_model(0.1), specification, 28, still_latent).pattern("blocks.0-1"), 'C');
  };
  const std::vector<int> every_second = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 27};
  EXPECT_EQ(computed("0.25"), every_second);
  EXPECT_EQ(computed("0.4"), every_second);
  EXPECT_EQ(computed("0.6"), (std::vector<int>{0, 3, 6, 9, 12, 15, 18, 21, 24, 27}));
  EXPECT_EQ(computed("0.8"), (std::vector<int>{0, 4, 8, 12, 16, 20, 24, 27}));
}

TEST(TeaCache, AccumulatesSinceTheLastComputedStep) {
  const EngineRun run = run_engine(drifting_model(0.1), "teacache:threshold=0.25,last=0", 7, still_latent);
  EXPECT_EQ(run.pattern("blocks.0-1"), "CRRCRRC");
  const std::vector<double> expected = {-1, 0.1, 0.2, 0.3, 0.1, 0.2, 0.3};
  for (std::size_t step = 0; step < expected.size(); ++step) {
    EXPECT_NEAR(run.events[step].score.value_or(-1), expected[step], 1e-5) << step;
  }
}

TEST(TeaCache, ComputesTheFirstAndLastSteps) {
  EXPECT_EQ(run_engine(drifting_model(0.01), "teacache:threshold=1", 8, still_latent).pattern("blocks.0-1"),
            "CRRRRRRC");
  EXPECT_EQ(
      run_engine(drifting_model(0.01), "teacache:threshold=1,first=3,last=2", 8, still_latent).pattern("blocks.0-1"),
      "CCCRRRCC");
}

TEST(TeaCache, LetsEachBranchDecide) {
  Script script;
  script.blocks = 2;
  script.signal = [](int step, int branch) { return std::pow(branch == 0 ? 1.1 : 1.3, step); };
  const EngineRun run =
      run_engine(ScriptedModel(script), "teacache:threshold=0.35,last=0", 7, still_latent, {kBothBranches, {}, {}});
  EXPECT_EQ(run.pattern("blocks.0-1"), "CRRRCRR");
  EXPECT_EQ(run.pattern("blocks.0-1", Branch::kUnconditional), "CRCRCRC");
}

/// The polynomial of Wan 14B is negative at small drifts: official code lets the sum sink, `clamp` does not.
TEST(TeaCache, ClampsNegativeValuesWhenAskedTo) {
  Script script;
  script.blocks = 2;
  script.signal = [](int step, int) {
    return step < 4 ? std::pow(1.1, step) : std::pow(1.1, 3) * std::pow(1.2, step - 3);
  };
  const auto pattern = [&](const std::string& clamp) {
    const std::string specification =
        std::string("teacache:threshold=0.1,last=0,coefficients=") + kWan14B + ",clamp=" + clamp;
    return run_engine(ScriptedModel(script), specification, 7, still_latent).pattern("blocks.0-1");
  };
  EXPECT_GT(evaluate_polynomial(parse_polynomial(kWan14B, ""), 0.2), 0.1);
  EXPECT_EQ(pattern("false"), "CRRRRRR");
  EXPECT_EQ(pattern("true"), "CRRRCCC");
}

TEST(TeaCache, WarnsOfAPolynomialThatWasNegative) {
  const auto warnings = [](const char* options) {
    return run_toy(ToyModel(), toy_request(4), {std::string("teacache:last=0,") + options}).warnings;
  };
  ASSERT_EQ(warnings("coefficients=-1/0").size(), 1U);
  EXPECT_EQ(warnings("coefficients=-1/0").front().rfind("teacache: the polynomial was negative", 0), 0U);
  EXPECT_TRUE(warnings("coefficients=-1/0,clamp=true").empty());
  EXPECT_TRUE(warnings("coefficients=1/0").empty());
}

TEST(TeaCache, ComputesWhatItCannotMeasure) {
  Script script;
  script.blocks = 2;
  script.signal = [](int step, int) {
    if (step == 2) return std::numeric_limits<double>::quiet_NaN();
    return step == 5 ? 0.0 : 1.0;
  };
  const EngineRun run = run_engine(ScriptedModel(script), "teacache:threshold=0.5,last=0", 9, still_latent);
  // A NaN spoils its own step and the next; 0 is a change of the whole size, and nothing to divide by afterwards.
  EXPECT_EQ(run.pattern("blocks.0-1"), "CRCCRCCRR");
}

TEST(TeaCache, WatchesTheChosenIndicator) {
  const ToyModel toy;
  std::vector<double> drifts;
  for (const std::string indicator : {"emb", "emb_proj", "modulated"}) {
    const Result result = run_toy(toy, toy_request(4), {"teacache:threshold=1000,last=0,indicator=" + indicator});
    drifts.push_back(result.trace.events.at(2).score.value());
    EXPECT_EQ(result.trace.events[2].step, 1);
    EXPECT_EQ(result.trace.run.sites.front().name, "blocks.0-2");
  }
  const StepGrid grid = run_toy(toy, toy_request(4), {}).trace.run.grid;
  const double before = grid.sigmas[0], now = grid.sigmas[1];
  EXPECT_NEAR(drifts[0], (before - now) / (1 + before), 1e-5);
  EXPECT_NEAR(drifts[1], 2 * (before - now) / (1 + 2 * before), 1e-5);
  EXPECT_NE(drifts[2], drifts[0]);
}

TEST(TeaCache, OfThresholdZeroIsFullCompute) {
  EXPECT_TRUE(is_full_compute("teacache:threshold=0,last=0"));
  EXPECT_TRUE(is_full_compute(std::string("teacache:threshold=0,coefficients=") + kWan14B)) << "even where P < 0";
}

TEST(TeaCache, RefusesACoefficientThatIsNoNumber) {
  EXPECT_EQ(refusal_of("teacache:coefficients=1/x"),
            "--cache: teacache:coefficients: 'x' is no number; accepted: a/b/c, highest power first");
}

}  // namespace
}  // namespace ditto::test
