#include "caches/planners/jumps.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <random>
#include <string>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include <gtest/gtest.h>

#include "caches/planners/jump_trials.h"
#include "caches/planners/plan_file.h"
#include "caches/planners/step_path.h"
#include "core/error.h"
#include "mixture_flow.h"
#include "tolerances.h"
#include "toy_support.h"

namespace ditto {
namespace {

using Nodes = std::vector<int>;
using test::tolerance::kClosedForm;

constexpr double kFourDigits = .5e-4 + kClosedForm;
constexpr double kSixDigits = .5e-6 + kClosedForm;

/// The analytic bed, run once.
class Bed {
 public:
  static const Bed& get() {
    static const Bed bed;
    return bed;
  }

  at::Tensor gram() const { return with_corrected_latents(trajectory_.gram(), trajectory_.sigmas); }
  const std::vector<double>& sigmas() const { return trajectory_.sigmas; }
  JumpErrors errors(int order) const { return {Gram(gram(), 101, "bed"), trajectory_.sigmas, order}; }
  Nodes plan(int nodes, int order, JumpCriterion criterion) const {
    return plan_jumps(jump_moves(errors(order), {.max_gap = 50}), {.nodes = nodes}, criterion);
  }
  /// Of a run of these nodes against the run of all.
  double final_error(const Nodes& nodes) const {
    const auto file = std::filesystem::path(testing::TempDir()) / "bed-schedule.jsonl";
    jump_schedule(origin(), nodes).write(file);
    return final_error("schedule:file=" + file.string());
  }
  double final_error(const std::string& policy) const {
    const Result result = test::run_toy(model_, test::MixtureFlow::request(), {policy});
    return test::rms_difference(result.latents, trajectory_.latents.back());
  }

 private:
  Bed() : trajectory_(test::full_trajectory(model_, test::MixtureFlow::request())) {}

  PlanOrigin origin() const {
    return {.model = {"mixture", "91"},
            .units = 1,
            .run = {.solver = "unipc", .shift = 3, .guidance = 1, .steps = 50},
            .sigmas = trajectory_.sigmas,
            .plan = "jumps"};
  }

  test::MixtureFlow model_;
  test::Trajectory trajectory_;
};

TEST(JumpErrors, GramOfTheBed) {
  const at::Tensor gram = Bed::get().gram()[0];
  EXPECT_NEAR(gram[20][20].item<double>(), .694682, kSixDigits);
  EXPECT_NEAR(gram[20][51 + 20].item<double>(), .196460, kSixDigits);
  EXPECT_NEAR(gram[51 + 20][51 + 30].item<double>(), .115874, kSixDigits);
}

TEST(JumpErrors, EdgesOfTheBed) {
  const JumpErrors errors = Bed::get().errors(2);
  EXPECT_NEAR(errors.error(-1, 0, 10), .003457, kSixDigits);
  EXPECT_NEAR(errors.error(-1, 10, 20), .008345, kSixDigits);
  EXPECT_NEAR(errors.error(-1, 30, 40), .091936, kSixDigits);
  EXPECT_NEAR(errors.error(-1, 45, 50), .083647, kSixDigits);
  EXPECT_NEAR(errors.error(0, 10, 20), .007905, kSixDigits);
  EXPECT_NEAR(errors.error(20, 30, 40), .046614, kSixDigits);
  EXPECT_NEAR(errors.error(30, 40, 45), .054690, kSixDigits);
}

TEST(JumpErrors, OfAScheduleAreThoseOfItsSteps) {
  const JumpErrors errors = Bed::get().errors(2);
  const Nodes nodes = {0, 10, 20, 45};
  const std::vector<double> of_steps = errors.errors_of(nodes);
  EXPECT_EQ(of_steps, (std::vector<double>{errors.error(-1, 0, 10), errors.error(0, 10, 20), errors.error(10, 20, 45),
                                           errors.error(20, 45, 50)}));
  EXPECT_EQ(errors.errors_of(nodes, 0), of_steps) << "there is one prompt";
  EXPECT_EQ(Bed::get().errors(1).error(0, 10, 20), errors.error(-1, 10, 20));
}

/// The plain minimax of the published table: what comes after the largest error does not count.
class LargestError {
 public:
  LargestError with(double error) const {
    LargestError longer;
    longer.largest_ = std::max(largest_, error);
    return longer;
  }
  auto operator<=>(const LargestError&) const = default;

 private:
  double largest_ = 0;
};

struct BedRow {
  int nodes;
  double even, sum_1, minimax_1, sum_2, minimax_2;
  Nodes of_minimax_2;
};

class JumpsOnTheBed : public testing::TestWithParam<BedRow> {};

TEST_P(JumpsOnTheBed, FinalErrorsOfPlans) {
  const Bed& bed = Bed::get();
  const BedRow& row = GetParam();
  const auto plain_minimax = [&](int order) {
    return best_step_path<LargestError>(jump_moves(bed.errors(order), {.max_gap = 50}), {.nodes = row.nodes});
  };
  EXPECT_NEAR(bed.final_error("steps:compute=" + std::to_string(row.nodes)), row.even, kFourDigits);
  EXPECT_NEAR(bed.final_error(bed.plan(row.nodes, 1, JumpCriterion::kSum)), row.sum_1, kFourDigits);
  EXPECT_NEAR(bed.final_error(plain_minimax(1)), row.minimax_1, kFourDigits);
  EXPECT_NEAR(bed.final_error(bed.plan(row.nodes, 2, JumpCriterion::kSum)), row.sum_2, kFourDigits);
  EXPECT_NEAR(bed.final_error(plain_minimax(2)), row.minimax_2, kFourDigits);
  EXPECT_EQ(plain_minimax(2), row.of_minimax_2);
}

TEST_P(JumpsOnTheBed, LexicographicMinimaxIsNoWorse) {
  const Bed& bed = Bed::get();
  const BedRow& row = GetParam();
  const JumpErrors errors = bed.errors(2);
  const Nodes nodes = bed.plan(row.nodes, 2, JumpCriterion::kMinimax);
  EXPECT_EQ(std::ranges::max(errors.errors_of(nodes)), std::ranges::max(errors.errors_of(row.of_minimax_2)));
  EXPECT_LE(bed.final_error(nodes), row.minimax_2 + kFourDigits);
}

TEST(Jumps, LexicographicMinimaxLooksBeyondTheLargestError) {
  EXPECT_EQ(Bed::get().plan(10, 2, JumpCriterion::kMinimax), (Nodes{0, 17, 26, 34, 39, 42, 44, 45, 47, 49}));
}

INSTANTIATE_TEST_SUITE_P(
    Published, JumpsOnTheBed,
    testing::Values(BedRow{5, .2304, .1117, .0817, .1151, .0351, {0, 27, 37, 44, 47}},
                    BedRow{6, .1549, .1324, .0730, .1110, .0384, {0, 24, 34, 41, 45, 47}},
                    BedRow{8, .0855, .0976, .0674, .0409, .0280, {0, 18, 28, 36, 41, 44, 46, 48}},
                    BedRow{10, .0713, .0499, .0505, .0198, .0179, {0, 17, 26, 34, 38, 42, 44, 45, 47, 49}},
                    BedRow{12, .0713, .0510, .0146, .0157, .0037, {0, 13, 21, 28, 34, 38, 41, 43, 45, 46, 48, 49}}),
    [](const auto& info) { return std::to_string(info.param.nodes) + "Nodes"; });

TEST(Jumps, EightPlannedStepsBeatTwentyFiveEvenOnes) {
  const Bed& bed = Bed::get();
  EXPECT_NEAR(bed.final_error("steps:compute=25"), .0328, kFourDigits);
  EXPECT_LT(bed.final_error(bed.plan(8, 2, JumpCriterion::kMinimax)), .0328);
}

TEST(Jumps, EveryNodeIsTheFullRun) {
  const Bed& bed = Bed::get();
  for (const JumpCriterion criterion : kJumpCriteria) {
    const Nodes all = bed.plan(50, 2, criterion);
    EXPECT_EQ(all.size(), 50U);
    EXPECT_LT(bed.final_error(all), kClosedForm);
  }
}

std::vector<JumpRule> all_criteria() {
  std::vector<JumpRule> rules;
  for (const JumpCriterion criterion : kJumpCriteria) rules.push_back({criterion, PromptAverage::kRms, 0});
  return rules;
}

TEST(Jumps, ClosedLoopChoosesTheBestOfAllRules) {
  const Bed& bed = Bed::get();
  int runs = 0;
  JumpTrials trials(1, [&](const Nodes& nodes, int) {
    ++runs;
    return bed.final_error(nodes);
  });
  const std::vector<JumpCandidate> ranked = rank_jumps(bed.errors(2), 16, {.nodes = 10}, all_criteria(), trials);
  std::size_t rules = 0;
  for (const JumpCandidate& candidate : ranked) {
    rules += candidate.rules.size();
    EXPECT_GE(candidate.measured, ranked.front().measured);
  }
  EXPECT_EQ(rules, std::size(kJumpCriteria));
  EXPECT_EQ(runs, static_cast<int>(ranked.size())) << "equal plans are run once";
  EXPECT_TRUE(std::ranges::is_sorted(ranked, {}, &JumpCandidate::measured));
}

TEST(Jumps, ARunThatFailsIsNotChosen) {
  int run = 0;
  JumpTrials trials(1, [&](const Nodes&, int) { return run++ == 0 ? std::nan("") : 1.0; });
  const auto ranked = rank_jumps(Bed::get().errors(2), 16, {.nodes = 10}, all_criteria(), trials);
  ASSERT_GE(ranked.size(), 2U);
  EXPECT_EQ(ranked.front().measured, 1.0);
  EXPECT_TRUE(std::isinf(ranked.back().measured));
}

TEST(JumpTrials, RunEachPromptOnceAndOnlyThoseAskedFor) {
  std::vector<int> prompts;
  JumpTrials trials(3, [&](const Nodes&, int prompt) {
    prompts.push_back(prompt);
    return prompt == 2 ? 0.0 : std::pow(10.0, -prompt);
  });
  EXPECT_NEAR(trials.error({0, 4}, 2), std::sqrt(.1), kClosedForm);
  EXPECT_EQ(trials.error({0, 4}, 1), 1);
  EXPECT_EQ(trials.error({0, 4}), 0);
  EXPECT_EQ(prompts, (std::vector<int>{0, 1, 2}));
}

double no_model(const Nodes&) { return 1; }

TEST(JumpTrials, RefiningMovesNodesWhereTheErrorFalls) {
  const Nodes best = {0, 3, 9, 12};
  std::vector<int> runs(4, 0);
  JumpTrials trials(4, [&](const Nodes& nodes, int prompt) {
    ++runs[static_cast<std::size_t>(prompt)];
    int distance = 0;
    for (std::size_t k = 0; k < nodes.size(); ++k) distance += std::abs(nodes[k] - best[k]);
    return std::exp(distance);
  });
  const auto refined = [&](const Nodes& nodes, int max_gap, const StepGoal& goal) {
    return refine_jumps(nodes, {20, max_gap, goal, no_model}, 9, trials);
  };
  EXPECT_EQ(refined({0, 4, 7, 14}, 16, {.nodes = 4}), best);
  EXPECT_GT(runs[0], runs[1]) << "neighbours that lose on the first prompt are not run on the others";
  EXPECT_EQ(refined({0, 4, 7, 14}, 7, {.nodes = 4}), (Nodes{0, 3, 9, 13})) << "the gap to the end is limited too";
  EXPECT_EQ(refined({0, 1, 9, 19}, 16, {.nodes = 4, .first = 2, .last = 1}), (Nodes{0, 1, 9, 19}));
}

/// From the first plan, where only some plans come nearer.
Nodes refined_among(const std::vector<Nodes>& better, std::vector<double> predicted = {}) {
  const auto place = [&](const Nodes& nodes) { return std::ranges::find(better, nodes) - better.begin(); };
  JumpTrials trials(1, [&](const Nodes& nodes, int) {
    const auto found = static_cast<std::size_t>(place(nodes));
    return found < better.size() ? std::exp(-static_cast<double>(found)) : 2.0;
  });
  const auto model = [&](const Nodes& nodes) {
    const auto found = static_cast<std::size_t>(place(nodes));
    return found < predicted.size() ? predicted[found] : 1.0;
  };
  return refine_jumps(better.front(), {20, 16, {.nodes = 4}, model}, 9, trials);
}

TEST(JumpTrials, RefiningMovesRunsOfNodesTogether) {
  EXPECT_EQ(refined_among({{0, 4, 7, 14}, {0, 5, 8, 14}}), (Nodes{0, 5, 8, 14}));
  EXPECT_EQ(refined_among({{0, 4, 7, 14}, {0, 5, 7, 15}}), (Nodes{0, 4, 7, 14})) << "those between stay";
}

TEST(JumpTrials, RefiningMovesANodeElsewhere) {
  EXPECT_EQ(refined_among({{0, 4, 7, 14}, {0, 4, 14, 18}}), (Nodes{0, 4, 14, 18}));
}

TEST(JumpTrials, RefiningRunsOnlyWhatTheModelAllows) {
  EXPECT_EQ(refined_among({{0, 4, 7, 14}, {0, 5, 7, 14}}, {1, 1.3}), (Nodes{0, 4, 7, 14}));
  EXPECT_EQ(refined_among({{0, 4, 7, 14}, {0, 5, 7, 14}}, {1, 1.2}), (Nodes{0, 5, 7, 14}));
}

/// Two prompts: the bed's run, and one a thousand times smaller.
JumpErrors errors_of_two_prompts() {
  const at::Tensor gram = Bed::get().gram();
  return {Gram(at::cat({gram, gram * 1e-6}), 101, "two beds"), Bed::get().sigmas(), 2};
}

TEST(JumpErrors, GeometricMeanSpeaksForSmallErrorsToo) {
  const double one = Bed::get().errors(2).error(20, 30, 40);
  const JumpErrors two = errors_of_two_prompts();
  EXPECT_NEAR(two.error(20, 30, 40), one * std::sqrt((1 + 1e-6) / 2), kClosedForm);
  EXPECT_NEAR(two.error(20, 30, 40, PromptAverage::kGeometric), one * std::sqrt(1e-3), kClosedForm);
}

TEST(Jumps, EmphasisMovesStepsToTheStart) {
  EXPECT_EQ(early_emphasis(2, 1), (std::vector<double>{1, std::exp(-.5), std::exp(-1)}));
  const auto middle = [&](double emphasis) {
    const JumpRule rule = {JumpCriterion::kFourthPowers, PromptAverage::kGeometric, emphasis};
    return plan_jumps(Bed::get().errors(2), 16, {.nodes = 10}, rule)[5];
  };
  EXPECT_LT(middle(3), middle(0));
}

TEST(Jumps, GapLimitAndForcedStepsHold) {
  const MoveTable moves = jump_moves(Bed::get().errors(2), {.max_gap = 9});
  const Nodes nodes = plan_jumps(moves, {.nodes = 12, .first = 3, .last = 2}, JumpCriterion::kSum);
  ASSERT_EQ(nodes.size(), 12U);
  EXPECT_EQ(Nodes(nodes.begin(), nodes.begin() + 3), (Nodes{0, 1, 2}));
  EXPECT_EQ(Nodes(nodes.end() - 2, nodes.end()), (Nodes{48, 49}));
  for (std::size_t k = 1; k < nodes.size(); ++k) EXPECT_LE(nodes[k] - nodes[k - 1], 9);
}

TEST(Jumps, AmplificationMovesStepsToWhereErrorsGrow) {
  const Bed& bed = Bed::get();
  std::vector<double> late(51, 1.0);
  std::fill(late.begin() + 40, late.end(), 100.0);
  const Nodes plain = bed.plan(10, 2, JumpCriterion::kSum);
  const Nodes weighed =
      plan_jumps(jump_moves(bed.errors(2), {.max_gap = 50, .amplification = late}), {.nodes = 10}, JumpCriterion::kSum);
  const auto late_steps = [](const Nodes& nodes) {
    return std::ranges::count_if(nodes, [](int n) { return n >= 40; });
  };
  EXPECT_GT(late_steps(weighed), late_steps(plain));
}

void expect_refused(const StepGoal& goal, const std::string& message) {
  try {
    plan_jumps(jump_moves(Bed::get().errors(2), {}), goal, JumpCriterion::kSum);
    FAIL() << "accepted where expected: " << message;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_EQ(std::string(error.what()), message);
  }
}

TEST(Jumps, RefuseImpossibleGoals) {
  expect_refused({.nodes = 3}, "--compute: 3 of 50 steps is not possible with moves up to 16; accepted: 4 to 50");
  expect_refused({.nodes = 51}, "--compute: 51 of 50 steps is not possible with moves up to 16; accepted: 4 to 50");
  expect_refused({.nodes = 6, .first = 3, .last = 2},
                 "--compute: 6 of 50 steps is not possible with moves up to 16; accepted: 7 to 50");
}

TEST(Gram, RefusesArraysThatMeanNothing) {
  const at::Tensor gram = Bed::get().gram();
  EXPECT_THROW(Gram(gram, 99, "p.json: 'gram'"), Error);
  EXPECT_THROW(Gram(gram[0], 101, "p.json: 'gram'"), Error);
  at::Tensor broken = gram.clone();
  broken[0][3][4].fill_(std::nan(""));
  try {
    Gram(broken, 101, "p.json: 'gram'");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInputFile);
    EXPECT_EQ(std::string(error.what()), "p.json: 'gram': holds values that are not finite; accepted: finite numbers");
  }
}

/// Errors of all moves of a schedule.
std::vector<double> move_errors(const MoveTable& moves, const Nodes& nodes) {
  std::vector<double> errors;
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    const int to = k + 1 < nodes.size() ? nodes[k + 1] : moves.steps();
    errors.push_back(moves.error(k == 0 ? -1 : nodes[k - 1], nodes[k], to));
  }
  return errors;
}

std::vector<Nodes> all_schedules(const MoveTable& moves, const StepGoal& goal) {
  std::vector<Nodes> schedules;
  for (std::uint32_t chosen = 1; chosen < (1U << moves.steps()); chosen += 2) {  // step 0 always
    if (std::popcount(chosen) != goal.nodes) continue;
    Nodes nodes;
    for (int step = 0; step < moves.steps(); ++step) {
      if ((chosen >> step & 1U) != 0) nodes.push_back(step);
    }
    bool possible = true;
    for (std::size_t k = 0; k < nodes.size(); ++k) {
      const int to = k + 1 < nodes.size() ? nodes[k + 1] : moves.steps();
      possible &= to - nodes[k] <= moves.max_gap();
      for (int skipped = nodes[k] + 1; skipped < to; ++skipped) {
        possible &= skipped >= goal.first && skipped < moves.steps() - goal.last;
      }
    }
    if (possible) schedules.push_back(nodes);
  }
  std::ranges::sort(schedules);
  return schedules;
}

/// Largest first for minimax, else one number.
std::vector<double> cost(std::vector<double> errors, JumpCriterion criterion) {
  if (criterion == JumpCriterion::kMinimax) {
    std::ranges::sort(errors, std::greater<>());
    return errors;
  }
  const int power = criterion == JumpCriterion::kSum ? 1 : criterion == JumpCriterion::kSquares ? 2 : 4;
  double sum = 0;
  for (const double error : errors) sum += std::pow(error, power);
  return {sum};
}

TEST(Jumps, PlansEqualBruteForce) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> steps(1, 9), gap(1, 9), first(1, 3), last(0, 2), error(0, 8);
  for (int trial = 0; trial < 300; ++trial) {
    // Multiples of 1/8: sums of fourth powers are exact, and there are many ties.
    const MoveTable moves(steps(random), gap(random), [&](int, int, int) { return error(random) / 8.0; });
    StepGoal goal = {.nodes = 0, .first = first(random), .last = last(random)};
    for (goal.nodes = 1; goal.nodes <= moves.steps(); ++goal.nodes) {
      const std::vector<Nodes> schedules = all_schedules(moves, goal);
      for (const JumpCriterion criterion : kJumpCriteria) {
        if (schedules.empty()) {
          EXPECT_THROW(plan_jumps(moves, goal, criterion), Error);
          continue;
        }
        const auto best = std::ranges::min_element(
            schedules, {}, [&](const Nodes& nodes) { return cost(move_errors(moves, nodes), criterion); });
        ASSERT_EQ(plan_jumps(moves, goal, criterion), *best)
            << "trial " << trial << ", " << goal.nodes << " nodes, " << criterion_name(criterion);
      }
    }
  }
}

}  // namespace
}  // namespace ditto
