#include "caches/planners/planner.h"

#include <cmath>
#include <filesystem>
#include <string>

#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>

#include <gtest/gtest.h>

#include "caches/planners/dpcache.h"
#include "caches/schedule.h"
#include "core/error.h"
#include "mixture_flow.h"
#include "tolerances.h"
#include "toy_support.h"

namespace ditto {
namespace {

using Steps = std::vector<int>;

/// What a profile of the analytic flow holds, with two branches as far as the arrays go.
Profile bed_profile() {
  static const test::Trajectory trajectory = test::full_trajectory(test::MixtureFlow(), test::MixtureFlow::request());
  Profile profile;
  profile.path = "bed.json";
  profile.model = {"mixture", "91"};
  profile.units = 1;
  profile.run = {.solver = "unipc",
                 .shift = 3,
                 .guidance = 1,
                 .steps = 50,
                 .width = 8,
                 .height = 1,
                 .frames = 1,
                 .branches = {Branch::kConditional}};
  profile.sigmas = trajectory.sigmas;
  profile.prompts = 1;
  profile.arrays["gram"] = trajectory.gram();
  return profile;
}

at::Tensor edges(int steps, int max_skip) {
  at::Tensor errors = at::full({steps, max_skip + 1}, std::nan(""), at::kDouble);
  for (int i = 0; i < steps; ++i) {
    for (int d = 1; d <= max_skip && i + d < steps; ++d) errors[i][d].fill_((d - 1) * (1 + .1 * i));
  }
  return errors;
}

Profile with_array(const std::string& name, const at::Tensor& array) {
  Profile profile = bed_profile();
  profile.arrays[name] = array;
  return profile;
}

double figure(const ProfilePlan& plan, const std::string& name) {
  for (const auto& [known, value] : plan.predicted) {
    if (known == name) return value;
  }
  ADD_FAILURE() << "no figure " << name;
  return 0;
}

Steps computed_of(const ProfilePlan& plan) {
  return test::steps_of(plan.schedule.pattern("stack", Branch::kConditional), 'C');
}

double run_on_bed(const Trace& schedule) {
  const test::MixtureFlow model;
  GenerateOptions options;
  options.decode = false;
  const Result result = generate(
      model, test::MixtureFlow::request(), [&] { return make_schedule(schedule, "plan"); }, options);
  return test::rms_difference(result.latents, generate(model, test::MixtureFlow::request(), options).latents);
}

TEST(Planners, JumpsOpenLoop) {
  const ProfilePlan plan = plan_from_profile(bed_profile(), {.policy = "jumps", .compute = 8});
  EXPECT_EQ(plan.schedule.run.grid.size(), 8);
  EXPECT_EQ(plan.schedule.run.policies,
            (std::vector<std::string>{
                "jumps:compute=8,criterion=q4,average=geometric,emphasis=1,order=2,max_gap=16,first=1,last=0"}));
  EXPECT_FALSE(plan.measured);
  EXPECT_FALSE(plan.even);
  EXPECT_GT(figure(plan, "step_error_sum"), figure(plan, "step_error_largest"));
  EXPECT_EQ(figure(plan, "step_error_sum_p90"), figure(plan, "step_error_sum")) << "one prompt";
  PlanRequest even_worse = {.policy = "jumps", .compute = 8, .order = 1, .criterion = "minimax"};
  EXPECT_NE(plan_from_profile(bed_profile(), even_worse).schedule.run.grid.nodes, plan.schedule.run.grid.nodes);
}

TEST(Planners, JumpsChosenByClosedLoop) {
  PlanRequest request = {.policy = "jumps", .compute = 10};
  request.runner = {[](const Trace& schedule, int) { return run_on_bed(schedule); }, 1};
  const ProfilePlan plan = plan_from_profile(bed_profile(), request);
  ASSERT_TRUE(plan.measured);
  ASSERT_GE(plan.candidates.size(), 2U);
  for (const MeasuredPlan& candidate : plan.candidates) EXPECT_LE(*plan.measured, candidate.measured);
  EXPECT_EQ(plan.schedule.to_json_lines(), plan.candidates.front().schedule.to_json_lines());
  EXPECT_LT(*plan.measured, .02);
  EXPECT_NEAR(*plan.even, .0713, .5e-4) << "the published error of ten even steps";
  for (const char* criterion : {"sum", "q2", "q4", "minimax"}) {
    request.criterion = criterion;
    const ProfilePlan fixed = plan_from_profile(bed_profile(), request);
    EXPECT_TRUE(fixed.candidates.empty());
    EXPECT_GE(*fixed.measured, *plan.measured);
  }
}

TEST(Planners, JumpsRefinedInAClosedLoop) {
  PlanRequest request = {.policy = "jumps", .compute = 8, .criterion = "sum", .average = "rms", .emphasis = 0};
  request.runner = {[](const Trace& schedule, int) { return run_on_bed(schedule); }, 1};
  const ProfilePlan plain = plan_from_profile(bed_profile(), request);
  request.refine = 2;
  const ProfilePlan refined = plan_from_profile(bed_profile(), request);
  EXPECT_LT(*refined.measured, *plain.measured);
  ASSERT_EQ(refined.candidates.size(), 2U);
  EXPECT_EQ(refined.candidates[0].rules, "sum/rms/0, refined");
  EXPECT_EQ(refined.candidates[1].rules, "sum/rms/0");
  EXPECT_EQ(refined.candidates[1].measured, *plain.measured);
  EXPECT_EQ(refined.schedule.run.policies,
            (std::vector<std::string>{
                "jumps:compute=8,criterion=sum,average=rms,emphasis=0,refine=2,order=2,max_gap=16,first=1,last=0"}));
  EXPECT_NEAR(run_on_bed(refined.schedule), *refined.measured, test::tolerance::kClosedForm);
}

TEST(Planners, AClosedLoopSeesTheGeometricMeanOfItsPrompts) {
  PlanRequest request = {.policy = "jumps", .compute = 8, .criterion = "q4"};
  request.runner = {[](const Trace&, int prompt) { return prompt == 0 ? .01 : .0001; }, 2};
  EXPECT_NEAR(*plan_from_profile(bed_profile(), request).measured, .001, test::tolerance::kClosedForm);
}

TEST(Planners, JumpsForEulerAreOfFirstOrder) {
  Profile profile = bed_profile();
  profile.run.solver = "euler";
  const ProfilePlan plan = plan_from_profile(profile, {.policy = "jumps", .compute = 8});
  EXPECT_NE(plan.schedule.run.policies.front().find("order=1"), std::string::npos);
}

TEST(Planners, LemicaAndSum) {
  const Profile profile = with_array("edge_error", edges(50, 8));
  const ProfilePlan minimax = plan_from_profile(profile, {.policy = "lemica", .compute = 20});
  const ProfilePlan sum = plan_from_profile(profile, {.policy = "sum", .compute = 20});
  for (const ProfilePlan& plan : {minimax, sum}) {
    const Steps steps = computed_of(plan);
    EXPECT_EQ(steps.size(), 20U);
    EXPECT_EQ(steps.front(), 0);
    EXPECT_EQ(steps.back(), 49);
    EXPECT_EQ(plan.schedule.run.sites.front().form, FeatureForm::kDelta);
  }
  EXPECT_LE(figure(minimax, "edge_error_largest"), figure(sum, "edge_error_largest"));
  EXPECT_GE(figure(minimax, "edge_error_sum"), figure(sum, "edge_error_sum"));
  EXPECT_GE(run_on_bed(minimax.schedule), 0);
}

TEST(Planners, DpCacheForecastsStateOrDelta) {
  const at::Tensor features =
      at::stack({at::ones({50}, at::kDouble).cumsum(0).square() / 100, at::ones({50}, at::kDouble).cumsum(0)}, 1);
  const Profile profile = with_array("stack_gram", at::matmul(features, features.t()).unsqueeze(0) / 2);
  const ProfilePlan plan = plan_from_profile(profile, {.policy = "dpcache", .compute = 12});
  EXPECT_EQ(computed_of(plan).size(), 12U);
  EXPECT_EQ(plan.schedule.run.sites.front().form, FeatureForm::kState);
  EXPECT_EQ(plan.schedule.run.sites.front().keep, 2);
  EXPECT_GT(figure(plan, "forecast_error_sum"), 0);
  const ProfilePlan second = plan_from_profile(profile, {.policy = "dpcache", .compute = 12, .order = 2});
  EXPECT_EQ(computed_of(second), computed_of(plan)) << "planned with first-order forecasts";
  EXPECT_EQ(second.schedule.run.sites.front().keep, 3);
  EXPECT_NE(figure(second, "forecast_error_sum"), figure(plan, "forecast_error_sum"));
  Profile delta = profile;
  delta.arrays["stack_delta_gram"] = profile.array("stack_gram");
  PlanRequest request = {.policy = "dpcache", .compute = 12, .form = "delta"};
  EXPECT_EQ(plan_from_profile(delta, request).schedule.run.sites.front().form, FeatureForm::kDelta);
}

TEST(Planners, MagCacheFitsTheThreshold) {
  at::Tensor ratios = at::full({1, 50}, .99, at::kDouble);
  ratios[0][0].fill_(std::nan(""));
  const Profile profile = with_array("residual_ratio", ratios);
  PlanRequest request = {.policy = "magcache", .compute = 23, .max_reuse = 2};
  const ProfilePlan plan = plan_from_profile(profile, request);
  EXPECT_EQ(computed_of(plan).size(), 23U);
  EXPECT_LT(figure(plan, "largest_deviation"), figure(plan, "threshold"));
}

TEST(Planners, UnevenBranchesFollowTheThresholdOfTheFirst) {
  Profile profile =
      with_array("residual_ratio", at::stack({at::full({50}, .99, at::kDouble), at::ones({50}, at::kDouble)}));
  profile.run.branches = {Branch::kConditional, Branch::kUnconditional};
  const ProfilePlan plan = plan_from_profile(profile, {.policy = "magcache", .compute = 30});
  EXPECT_EQ(test::steps_of(plan.schedule.pattern("stack", Branch::kConditional), 'C').size(), 30U);
  EXPECT_EQ(test::steps_of(plan.schedule.pattern("stack", Branch::kUnconditional), 'C').size(), 10U + 8U);
}

void expect_refused(const Profile& profile, const PlanRequest& request, ExitCode code, const std::string& message) {
  try {
    plan_from_profile(profile, request);
    ADD_FAILURE() << "accepted where expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_EQ(std::string(error.what()), message);
  }
}

TEST(Planners, RefuseWhatCannotTakeEffect) {
  const Profile profile = bed_profile();
  const auto usage = [&](const PlanRequest& request, const std::string& message) {
    expect_refused(profile, request, ExitCode::kUsage, message);
  };
  usage(
      {.policy = "jump", .compute = 8},
      "--policy: there is no planner 'jump'; accepted: jumps, lemica, sum, dpcache, magcache (did you mean 'jumps'?)");
  usage({.policy = "jumps", .compute = 8, .max_reuse = 2},
        "--max-reuse: has no effect with --policy jumps; accepted: --criterion, --average, --emphasis, "
        "--refine, --order, --first, --last, --max-gap");
  usage({.policy = "jumps", .compute = 8, .average = "mean"},
        "--average: 'mean' is not possible; accepted: rms, geometric");
  usage({.policy = "jumps", .compute = 8, .refine = 1},
        "--refine: runs neighbours of the plan; accepted: with --prompts FILE");
  usage({.policy = "lemica", .compute = 8, .criterion = "sum"},
        "--criterion: has no effect with --policy lemica; accepted: no options of its own");
  usage({.policy = "jumps", .compute = 8, .criterion = "q3"},
        "--criterion: 'q3' is not possible; accepted: auto, sum, q2, q4, minimax");
  usage({.policy = "jumps", .compute = 8, .criterion = "auto"},
        "--criterion: auto runs the plans of all criteria; accepted: with --prompts FILE");
  usage({.policy = "jumps", .compute = 3},
        "--compute: 3 of 50 steps is not possible with moves up to 16; accepted: 4 to 50");
  usage({.policy = "dpcache", .compute = 8, .form = "output"},
        "--form: 'output' is not possible; accepted: state, delta");
  Profile euler = profile;
  euler.run.solver = "euler";
  expect_refused(euler, {.policy = "jumps", .compute = 8, .order = 2}, ExitCode::kUsage,
                 "--order: 2 is not possible for solver euler; accepted: 1");
}

TEST(Planners, RefuseProfilesThatDoNotHoldWhatIsNeeded) {
  const auto refused = [](const Profile& profile, const std::string& policy, const std::string& message) {
    expect_refused(profile, {.policy = policy, .compute = 20}, ExitCode::kBadInputFile, message);
  };
  refused(bed_profile(), "lemica", "bed.json: holds no 'edge_error'; accepted: a profile that measured it");
  refused(bed_profile(), "dpcache", "bed.json: holds no 'stack_gram'; accepted: a profile that measured it");
  refused(with_array("edge_error", edges(49, 8)), "sum",
          "bed.json: 'edge_error' has the shape [49, 9]; accepted: [50, largest skip + 1]");
  at::Tensor negative = edges(50, 8).clone();
  negative[1][3] = -0.5;
  refused(with_array("edge_error", negative), "lemica", "bed.json: 'edge_error' [1][3] is -0.5; accepted: 0 or more");
  refused(with_array("residual_ratio", at::ones({2, 50}, at::kDouble)), "magcache",
          "bed.json: 'residual_ratio' is [2,50]; accepted: [1, 50]");
  refused(with_array("gram", at::ones({1, 99, 99}, at::kDouble)), "jumps",
          "bed.json: 'gram': its shape is [1,99,99]; accepted: [..., 101, 101]");
}

}  // namespace
}  // namespace ditto
