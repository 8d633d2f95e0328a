// Errors of the final latent when one segment of a run reuses the change made by all units.

#include "runtime/segment_replay.h"

#include <cmath>
#include <stop_token>

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>

#include "models/toy/toy_model.h"
#include "profile_support.h"
#include "tolerances.h"
#include "toy_support.h"

namespace ditto::test {
namespace {

constexpr int kSteps = 8;

/// The prediction is latent + slope * step, so that a reused step is off by slope for each step of age.
Script drifting(double slope) {
  Script script;
  script.blocks = 2;
  script.output = [slope](int, int step, int, const at::Tensor& hidden) {
    return at::full_like(hidden, slope * step / 2);
  };
  return script;
}

TEST(SegmentReplay, AConstantChangeCanBeReusedAnywhere) {
  Script script;
  script.blocks = 2;
  script.output = [](int, int, int, const at::Tensor& hidden) { return at::full_like(hidden, 0.25); };
  const ScriptedVideoModel model(script, 3);
  Request request;
  SegmentReplay replay(model, request, {.max_skip = 4});
  for (int i = 0; i < kSteps; ++i) {
    const std::vector<double> errors = replay.errors_from(i);
    ASSERT_EQ(errors.size(), 5U);
    EXPECT_TRUE(std::isnan(errors[0]));
    for (int d = 1; d <= 4; ++d) {
      if (i + d < kSteps) {
        EXPECT_NEAR(errors[static_cast<std::size_t>(d)], 0, 1e-6) << i << ", " << d;
      } else {
        EXPECT_TRUE(std::isnan(errors[static_cast<std::size_t>(d)])) << i << ", " << d;
      }
    }
  }
}

TEST(SegmentReplay, ADriftingChangeWithEulerInClosedForm) {
  const ScriptedVideoModel model(drifting(0.3), 2);
  Request request;
  request.shift = 3;
  const std::vector<double> sigmas = run_toy(model, request, {}).trace.run.grid.sigmas;
  SegmentReplay replay(model, request, {.max_skip = 5});
  for (int i = 0; i < kSteps; ++i) {
    const std::vector<double> errors = replay.errors_from(i);
    for (int j = i + 2; j <= std::min(i + 5, kSteps - 1); ++j) {
      // e' = e + dsigma * (e + what the velocity is off by).
      double error = 0;
      for (int step = i + 1; step < kSteps; ++step) {
        const double off = step < j ? 0.3 * (i - step) : 0;
        error += (sigmas[static_cast<std::size_t>(step) + 1] - sigmas[static_cast<std::size_t>(step)]) * (error + off);
      }
      EXPECT_NEAR(errors[static_cast<std::size_t>(j - i)], std::abs(error), 1e-5) << i << ", " << j;
    }
  }
}

/// The same segment as a whole run of the engine under a policy.
double error_of_run(const VideoModel& model, const Request& request, int i, int j) {
  const Topology& topology = model.denoiser().topology();
  const Plan plan{{unit_site(topology, 0, topology.unit_count(), FeatureForm::kDelta)}};
  GenerateOptions options;
  options.decode = false;
  const auto segment = [&] {
    return std::make_unique<FunctionPolicy>(plan, [i, j](const DecisionPoint& point) {
      const bool inside = point.step.index > i && point.step.index < j;
      return inside ? Decision::reuse("segment") : Decision::recompute("segment");
    });
  };
  const at::Tensor cached = generate(model, request, segment, options).latents;
  return (cached - generate(model, request, options).latents).abs().mean().item<double>();
}

TEST(SegmentReplay, EqualsAWholeRunWithThatSegment) {
  const ToyModel model;
  Request request = toy_request(kSteps);
  request.solver = "unipc";  // whose state at the segment's start matters
  SegmentReplay replay(model, request, {.max_skip = 4});
  for (const int i : {0, 2, 5}) {
    const std::vector<double> errors = replay.errors_from(i);
    for (int j = i + 2; j <= std::min(i + 4, kSteps - 1); ++j) {
      const double expected = error_of_run(model, request, i, j);
      EXPECT_GT(expected, 1e-4);
      EXPECT_NEAR(errors[static_cast<std::size_t>(j - i)], expected, 1e-4 * expected) << i << ", " << j;
    }
  }
}

TEST(SegmentReplay, RowsDoNotDependOnThoseBefore) {
  const ToyModel model;
  Request request = toy_request(kSteps);
  request.solver = "unipc";
  SegmentReplay all(model, request, {.max_skip = 3}), late(model, request, {.max_skip = 3});
  std::vector<double> errors;
  for (int i = 0; i <= 3; ++i) errors = all.errors_from(i);
  const std::vector<double> alone = late.errors_from(3);
  for (std::size_t d = 1; d < errors.size(); ++d) EXPECT_EQ(errors[d], alone[d]);
  EXPECT_THROW(late.errors_from(2), c10::Error);
}

TEST(SegmentReplay, CountsAndCancelsItsSteps) {
  const ToyModel model;
  std::int64_t steps = 0;
  std::stop_source stop;
  SegmentReplay replay(model, toy_request(kSteps),
                       {.max_skip = 3, .stop = stop.get_token(), .on_step = [&] { ++steps; }});
  std::int64_t expected = 2 * kSteps;  // the full run, twice
  for (int i = 0; i < kSteps; ++i) {
    replay.errors_from(i);
    expected += SegmentReplay::steps_from(i, kSteps, 3);
  }
  EXPECT_EQ(steps, expected);
  EXPECT_EQ(SegmentReplay::steps_from(0, kSteps, 3), 6 + 5);
  EXPECT_EQ(SegmentReplay::steps_from(5, kSteps, 3), 1);
  EXPECT_EQ(SegmentReplay::steps_from(6, kSteps, 3), 0);

  SegmentReplay stopped(model, toy_request(kSteps), {.max_skip = 3, .stop = stop.get_token()});
  stop.request_stop();
  EXPECT_THROW(stopped.errors_from(0), Cancelled);
}

/// Published for 30 and 50 steps: segments of at least one reused step, and the steps run for all of them.
TEST(SegmentReplay, CostsThePublishedNumbersOfSteps) {
  const auto steps = [](int step_count, int max_skip) {
    std::int64_t all = 0;
    for (int i = 0; i < step_count; ++i) all += SegmentReplay::steps_from(i, step_count, max_skip);
    return all;
  };
  EXPECT_EQ(steps(30, 7), 2036);
  EXPECT_EQ(steps(50, 7), 6356);
  EXPECT_EQ(steps(50, 8), 7259);
}

}  // namespace
}  // namespace ditto::test
