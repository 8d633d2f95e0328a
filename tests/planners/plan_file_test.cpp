#include "caches/planners/plan_file.h"

#include <filesystem>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "core/error.h"
#include "solvers/solver.h"
#include "toy_support.h"

namespace ditto {
namespace {

using Nodes = std::vector<int>;
constexpr int kUnits = 9;  // of the toy model
const std::vector<Branch> kBoth = {Branch::kConditional, Branch::kUnconditional};

/// What test::toy_request() asks for.
PlanOrigin toy_origin() {
  const SolverOptions options = {.shift = 3};
  PlanOrigin origin;
  origin.model = ToyModel().denoiser().topology().identity;
  origin.units = kUnits;
  origin.run = {.solver = "euler",
                .shift = 3,
                .guidance = 2,
                .steps = 10,
                .width = 16,
                .height = 16,
                .frames = 5,
                .branches = kBoth};
  origin.sigmas = make_solver("euler", options)->full_grid(10).sigmas;
  origin.plan = "jumps:compute=4";
  return origin;
}

std::string written(const Trace& trace, const std::string& name) {
  const auto file = std::filesystem::path(testing::TempDir()) / name;
  trace.write(file);
  return "schedule:file=" + file.string();
}

std::map<Branch, Nodes> in_both(const Nodes& steps) {
  return {{Branch::kConditional, steps}, {Branch::kUnconditional, steps}};
}

TEST(PlanFile, JumpsVisitTheirNodesOnly) {
  const Nodes nodes = {0, 2, 5, 9};
  const std::string policy = written(jump_schedule(toy_origin(), nodes), "jumps.jsonl");
  const Result result = test::run_toy(ToyModel(), test::toy_request(), {policy});
  EXPECT_EQ(result.trace.run.grid.nodes, nodes);
  EXPECT_EQ(result.trace.run.grid.sigmas, jump_schedule(toy_origin(), nodes).run.grid.sigmas);
  EXPECT_EQ(result.counts.units_computed, 4 * kUnits * 2);
  EXPECT_EQ(result.cache_bytes_peak, 0);
}

TEST(PlanFile, ReadsBackAsItWasWritten) {
  const Trace jumps = jump_schedule(toy_origin(), Nodes{0, 2, 5, 9});
  const auto file = std::filesystem::path(testing::TempDir()) / "again.jsonl";
  for (const Trace& trace : {jumps, cache_schedule(toy_origin(), in_both({0, 1, 4}), {.order = 1})}) {
    trace.write(file);
    EXPECT_EQ(Trace::read(file).to_json_lines(), trace.to_json_lines());
  }
}

TEST(PlanFile, ReuseOfTheStack) {
  const Trace plan = cache_schedule(toy_origin(), in_both({0, 1, 4, 9}), {});
  for (const Branch branch : kBoth) EXPECT_EQ(plan.pattern("stack", branch), "CCRRCRRRRC");
  const Result result = test::run_toy(ToyModel(), test::toy_request(), {written(plan, "reuse.jsonl")});
  for (const Branch branch : kBoth) EXPECT_EQ(result.trace.pattern("stack", branch), "CCRRCRRRRC");
  EXPECT_EQ(result.counts.units_computed, 4 * kUnits * 2);
  EXPECT_EQ(result.trace.events[4].age, plan.events[4].age);
}

TEST(PlanFile, ForecastsOfTheStack) {
  const Trace plan = cache_schedule(toy_origin(), in_both({0, 1, 4}), {.form = FeatureForm::kState, .order = 1});
  EXPECT_EQ(plan.pattern("stack", Branch::kConditional), "CCFFCFFFFF");
  EXPECT_EQ(plan.events[2 * 3].weights, (std::vector<float>{3, -2})) << "steps 1 and 0 at step 3";
  const Result result = test::run_toy(ToyModel(), test::toy_request(), {written(plan, "forecast.jsonl")});
  EXPECT_EQ(result.trace.pattern("stack", Branch::kConditional), "CCFFCFFFFF");
  EXPECT_EQ(result.trace.events[2 * 3].weights, (std::vector<float>{3, -2}));
}

TEST(PlanFile, BranchesMayDiffer) {
  const std::map<Branch, Nodes> computed = {{Branch::kConditional, {0, 5}}, {Branch::kUnconditional, {0, 2, 4}}};
  const Result result = test::run_toy(ToyModel(), test::toy_request(),
                                      {written(cache_schedule(toy_origin(), computed, {}), "uneven.jsonl")});
  EXPECT_EQ(result.trace.pattern("stack", Branch::kConditional), "CRRRRCRRRR");
  EXPECT_EQ(result.trace.pattern("stack", Branch::kUnconditional), "CRCRCRRRRR");
}

TEST(PlanFile, EveryStepComputedGivesTheBitsOfFullCompute) {
  const Nodes all = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const Result full = test::run_toy(ToyModel(), test::toy_request(), {"none"});
  for (const Trace& plan :
       {jump_schedule(toy_origin(), all), cache_schedule(toy_origin(), in_both(all), {.order = 1})}) {
    const Result planned = test::run_toy(ToyModel(), test::toy_request(), {written(plan, "all.jsonl")});
    EXPECT_TRUE(test::same_bits(planned.latents, full.latents));
  }
}

class PlanRefusals : public testing::Test {
 protected:
  /// Runs a jump schedule made for another setting.
  void expect_refused(const std::function<void(PlanOrigin&)>& change, const std::string& message) {
    PlanOrigin origin = toy_origin();
    change(origin);
    const std::string policy = written(jump_schedule(origin, Nodes{0, 2, 5, 9}), "other.jsonl");
    try {
      test::run_toy(ToyModel(), test::toy_request(), {policy});
      ADD_FAILURE() << "accepted where expected: " << message;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
      EXPECT_EQ(std::string(error.what()), policy.substr(policy.find('=') + 1) + ": " + message);
    }
  }
};

TEST_F(PlanRefusals, NameTheSettingThatDiffers) {
  expect_refused([](PlanOrigin& o) { o.run.solver = "unipc"; },
                 "made for solver unipc; this run has euler; accepted: equal --solver");
  expect_refused([](PlanOrigin& o) { o.run.shift = 5; }, "made for shift 5; this run has 3; accepted: equal --shift");
  expect_refused([](PlanOrigin& o) { o.run.guidance = 4.5; },
                 "made for guidance 4.5; this run has 2; accepted: equal --guidance");
  expect_refused(
      [](PlanOrigin& o) {
        o.run.steps = 11;
        o.sigmas.insert(o.sigmas.begin(), 1.5);
      },
      "made for steps 11; this run has 10; accepted: equal --steps");
  expect_refused(
      [](PlanOrigin& o) {
        o.model = {"other", "feed"};
      },
      "made for model 'other' (weights feed); this is 'toy' (weights 000000000000); accepted: a file of the "
      "same weights");
  expect_refused([](PlanOrigin& o) { o.units = 12; },
                 "made for 12 units; this model has 9; accepted: a file of a model of this depth");
}

TEST(PlanFile, WhatItDoesNotStateFitsEveryRun) {
  PlanOrigin origin;
  origin.run.steps = 10;
  origin.sigmas.assign(11, 0);
  const std::string policy = written(jump_schedule(origin, Nodes{0, 2, 5, 9}), "bare.jsonl");
  EXPECT_EQ(test::run_toy(ToyModel(), test::toy_request(), {policy}).trace.run.grid.size(), 4);
}

TEST(PlanFile, ServesAnySeedAndSize) {
  Request request = test::toy_request();
  request.seed = 7;
  request.width = 32;
  const std::string policy = written(jump_schedule(toy_origin(), Nodes{0, 2, 5, 9}), "any.jsonl");
  EXPECT_EQ(test::run_toy(ToyModel(), request, {policy}).trace.run.grid.size(), 4);
}

TEST(StackedPlans, CachesTakeTheStepsThatJumpsLeave) {
  const std::string jumps = written(jump_schedule(toy_origin(), Nodes{0, 2, 3, 5, 7, 9}), "left.jsonl");
  const std::string cache = "taylorseer:interval=2,order=1";
  const Result planned = test::run_toy(ToyModel(), test::toy_request(), {jumps, cache});
  EXPECT_EQ(planned.trace.run.grid.size(), 6);
  EXPECT_LT(planned.counts.units_computed, 6 * kUnits * 2);
  const Result even = test::run_toy(ToyModel(), test::toy_request(), {"steps:compute=6", cache});
  EXPECT_EQ(even.counts.units_computed, planned.counts.units_computed);
}

TEST(StackedPlans, RefuseAGridThatWasShapedBefore) {
  const std::string jumps = written(jump_schedule(toy_origin(), Nodes{0, 2, 5, 9}), "second.jsonl");
  for (const std::vector<std::string>& policies :
       {std::vector<std::string>{"steps:compute=5", jumps}, {jumps, "steps:compute=2"}}) {
    try {
      test::run_toy(ToyModel(), test::toy_request(), policies);
      ADD_FAILURE() << policies[0] << " with " << policies[1] << " was accepted";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("accepted: policies that leave out no steps"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace ditto
