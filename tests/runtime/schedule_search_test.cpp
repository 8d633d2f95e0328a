// The beam search over schedules against every schedule there is.

#include "runtime/schedule_search.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <stop_token>

#include <ATen/TensorOperators.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/square.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tolerances.h"
#include "toy_support.h"

namespace ditto::test {
namespace {

constexpr int kSteps = 8;

Request request_with(const std::string& solver) {
  Request request = toy_request(kSteps);
  request.solver = solver;
  return request;
}

/// Final latents of the engine under a policy that follows the pattern.
at::Tensor latents_of(const VideoModel& model, const Request& request, const std::string& pattern) {
  const Topology& topology = model.denoiser().topology();
  const Plan plan{{unit_site(topology, 0, topology.unit_count(), FeatureForm::kDelta)}};
  GenerateOptions options;
  options.decode = false;
  const auto policy = [&] {
    return std::make_unique<FunctionPolicy>(plan, [&pattern](const DecisionPoint& point) {
      const bool computes = pattern[static_cast<std::size_t>(point.step.index)] == 'C';
      return computes ? Decision::recompute("") : Decision::reuse("");
    });
  };
  return generate(model, request, policy, options).latents;
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return std::sqrt((a - b).square().mean(at::kDouble).item<double>());
}

/// The smallest distance to full compute of all schedules with that many computed steps.
std::map<int, double> best_of_all(const VideoModel& model, const Request& request) {
  const at::Tensor full = latents_of(model, request, std::string(kSteps, 'C'));
  std::map<int, double> best;
  for (unsigned bits = 0; bits < 1U << (kSteps - 1); ++bits) {
    std::string pattern = "C";
    for (int step = 1; step < kSteps; ++step) pattern += (bits >> (step - 1) & 1U) != 0 ? 'C' : 'R';
    const int computed = static_cast<int>(std::ranges::count(pattern, 'C'));
    const double error = distance(latents_of(model, request, pattern), full);
    if (!best.contains(computed) || error < best[computed]) best[computed] = error;
  }
  return best;
}

class ScheduleSearch : public testing::TestWithParam<const char*> {};

TEST_P(ScheduleSearch, AWideBeamFindsTheBestOfAllSchedules) {
  const ToyModel model;
  const Request request = request_with(GetParam());
  const std::map<int, double> best = best_of_all(model, request);
  const auto found = search_schedules(model, request, {.computed = {1, 2, 3, 4, 5, 6, 7, 8}, .beam = 1000});
  ASSERT_EQ(found.size(), 8U);
  for (const auto& [computed, schedules] : found) {
    ASSERT_FALSE(schedules.empty());
    EXPECT_NEAR(schedules.front().distance, best.at(computed), 1e-5) << computed;
    EXPECT_EQ(std::ranges::count(schedules.front().pattern, 'C'), computed);
  }
  EXPECT_EQ(found.at(1).size(), 1U);
  EXPECT_EQ(found.at(2).size(), 7U) << "every schedule is there";
  EXPECT_EQ(found.at(8).front().distance, 0);
}

TEST_P(ScheduleSearch, ANarrowBeamComesNear) {
  const ToyModel model;
  const Request request = request_with(GetParam());
  const std::map<int, double> best = best_of_all(model, request);
  const auto found = search_schedules(model, request, {.computed = {3, 5}, .beam = 4});
  for (const auto& [computed, schedules] : found) {
    EXPECT_LE(schedules.size(), 4U);
    EXPECT_GE(schedules.front().distance, best.at(computed) - 1e-6);
    EXPECT_LE(schedules.front().distance, 2 * best.at(computed)) << computed;
    for (std::size_t k = 1; k < schedules.size(); ++k) {
      EXPECT_LE(schedules[k - 1].distance, schedules[k].distance);
    }
  }
}

TEST_P(ScheduleSearch, RoundsBringTheBestNearerAndTakeNoWorseMove) {
  const ToyModel model;
  const Request request = request_with(GetParam());
  const std::map<int, double> best = best_of_all(model, request);
  const auto beam = search_schedules(model, request, {.computed = {2, 3, 4, 5}, .beam = 1});
  const auto moved = search_schedules(model, request, {.computed = {2, 3, 4, 5}, .beam = 1, .rounds = 10});
  double before = 0, after = 0;
  for (const auto& [computed, schedules] : moved) {
    const FoundSchedule& schedule = schedules.front();
    EXPECT_EQ(schedules.size(), 1U) << "no more than the beam";
    EXPECT_LE(schedule.distance, beam.at(computed).front().distance);
    EXPECT_GE(schedule.distance, best.at(computed) - 1e-6);
    EXPECT_EQ(std::ranges::count(schedule.pattern, 'C'), computed);
    EXPECT_LT(largest_difference(schedule.latents, latents_of(model, request, schedule.pattern)), 1e-5);
    before += beam.at(computed).front().distance / best.at(computed);
    after += schedule.distance / best.at(computed);
  }
  EXPECT_LT(after, before);
}

TEST_P(ScheduleSearch, LatentsAreThoseOfTheEngineUnderTheSchedule) {
  const ToyModel model;
  const Request request = request_with(GetParam());
  for (const auto& [computed, schedules] : search_schedules(model, request, {.computed = {2, 4, 6}, .beam = 3})) {
    for (const FoundSchedule& schedule : schedules) {
      EXPECT_LT(largest_difference(schedule.latents, latents_of(model, request, schedule.pattern)), 1e-5)
          << schedule.pattern;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Solvers, ScheduleSearch, testing::Values("euler", "unipc"));

TEST(ScheduleSearchOptions, EvaluationsAreCountedWithinTheBound) {
  const ToyModel model;
  std::int64_t last = 0, bound = 0;
  ScheduleSearchOptions options{.computed = {3}, .beam = 2, .rounds = 2};
  options.on_evaluation = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(done, last + 1);
    last = done;
    bound = total;
  };
  search_schedules(model, request_with("euler"), options);
  EXPECT_GT(last, kSteps) << "full compute and the search";
  EXPECT_LE(last, bound);
}

TEST(ScheduleSearchOptions, TheStopTokenEndsIt) {
  const ToyModel model;
  std::stop_source stop;
  ScheduleSearchOptions options{.computed = {3}, .beam = 2, .stop = stop.get_token()};
  options.on_evaluation = [&](std::int64_t done, std::int64_t) {
    if (done == 4) stop.request_stop();
  };
  EXPECT_THROW(search_schedules(model, request_with("euler"), options), Cancelled);
}

TEST(ScheduleSearchOptions, NumbersOutOfRangeAreRefused) {
  const ToyModel model;
  for (const std::vector<int>& computed : {std::vector<int>{}, {0}, {kSteps + 1}}) {
    try {
      search_schedules(model, request_with("euler"), {.computed = computed});
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kUsage);
      EXPECT_TRUE(std::string(error.what()).starts_with("computed: ")) << error.what();
    }
  }
  try {
    search_schedules(model, request_with("euler"), {.computed = {2}, .beam = 0});
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("beam: ")) << error.what();
  }
}

TEST(ScheduleSearchOptions, NumbersGivenTwiceAreSearchedOnce) {
  const ToyModel model;
  const auto once = search_schedules(model, request_with("euler"), {.computed = {3}, .beam = 2});
  const auto twice = search_schedules(model, request_with("euler"), {.computed = {3, 3}, .beam = 2});
  ASSERT_EQ(twice.at(3).size(), once.at(3).size());
  EXPECT_EQ(twice.at(3).front().pattern, once.at(3).front().pattern);
}

}  // namespace
}  // namespace ditto::test
