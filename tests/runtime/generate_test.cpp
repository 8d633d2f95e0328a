// Whole runs of the toy model: what a run reports, what it leaves behind, what it shares.

#include <limits>
#include <thread>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>

#include <gtest/gtest.h>

#include "core/error.h"
#include "runtime/run_setup.h"
#include "toy_support.h"

namespace ditto::test {
namespace {

TEST(Generate, IsTheSolverOverTheModel) {
  // A constant model under Euler: x(n+1) = x(n) + (sigma(n+1) - sigma(n)) * (x(n) + c(n)), one branch.
  const ToyModel toy({.feature = ToyFeature::kConstant, .blocks = 1});
  Request request = toy_request(4);
  request.guidance = 1.0;
  request.noise = at::full({1, 4, 2, 2, 2}, 0.5F);
  GenerateOptions options;
  options.decode = false;
  const Result result = generate(toy, request, options);

  const double text = toy.encode_text(request.prompt).mean().item<double>();
  double latent = 0.5;
  for (std::size_t step = 0; step < 4; ++step) {
    double prediction = latent;
    for (int unit = 0; unit < 3; ++unit) {
      prediction += ToyModel::gate_of(static_cast<int>(step)) * (ToyModel::constant_of(unit, 0) + 0.1 * text);
    }
    const std::vector<double>& sigmas = result.trace.run.grid.sigmas;
    latent += (sigmas[step + 1] - sigmas[step]) * prediction;
  }
  EXPECT_NEAR(result.latents[0][0][0][0][0].item<double>(), latent, 1e-5);
  EXPECT_TRUE(same_bits(result.noise, request.noise));
  EXPECT_EQ(result.counts.units_computed, 12);
  EXPECT_EQ(result.units_total, 12);
  EXPECT_EQ(result.branch_steps_total, 4);
  EXPECT_EQ(result.cache_bytes_peak, 0);
}

/// A model on a device that has no data, where nothing can be computed.
class ModelElsewhere : public ToyModel {
  c10::Device device() const override { return at::kMeta; }
  Activations embed(const RunContext&, const at::Tensor& latent, int, std::vector<int>) const override {
    throw Error(ExitCode::kInternal, "asked with a latent on " + latent.device().str());
  }
};

TEST(Generate, AsksWithLatentsOnTheDeviceOfTheModel) {
  try {
    generate(ModelElsewhere(), toy_request(2));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()), "asked with a latent on meta");
  }
}

TEST(Generate, DrawsTheNoiseOfTheSeed) {
  const ToyModel toy;
  Request request = toy_request(2);
  const Result first = run_toy(toy, request, {});
  EXPECT_TRUE(same_bits(first.noise, draw_noise(request.seed, {1, 4, 2, 2, 2})));
  EXPECT_TRUE(same_bits(run_toy(toy, request, {}).latents, first.latents));
  request.seed = 43;
  EXPECT_FALSE(same_bits(run_toy(toy, request, {}).latents, first.latents));
}

TEST(Generate, RecordsTheRun) {
  const ToyModel toy;
  Request request = toy_request(6);
  request.seed = 7;
  const Result result = run_toy(toy, request, {"interval:interval=3", "steps:compute=4"});
  const TraceRun& run = result.trace.run;
  EXPECT_EQ(run.model.name, "toy");
  EXPECT_EQ(run.policies.size(), 2U);
  EXPECT_EQ(run.sites.size(), 1U);
  EXPECT_EQ(run.seed, 7U);
  EXPECT_EQ(run.solver, "euler");
  EXPECT_EQ(run.shift, 3.0);
  EXPECT_EQ(run.guidance, 2.0);
  EXPECT_EQ(run.width, 16);
  EXPECT_EQ(run.height, 16);
  EXPECT_EQ(run.frames, 5);
  EXPECT_EQ(run.steps, 6);
  EXPECT_EQ(run.units, 9);
  EXPECT_EQ(run.branches, (std::vector<Branch>{Branch::kConditional, Branch::kUnconditional}));
  EXPECT_EQ(run.grid.nodes, (std::vector<int>{0, 2, 3, 5}));
  EXPECT_EQ(run.grid.sigmas.size(), 5U);
  EXPECT_EQ(result.trace.pattern("blocks.0-2", Branch::kConditional), "C.RR.C");
  ASSERT_TRUE(result.trace.result.has_value());
  EXPECT_EQ(result.trace.result->computed, 2 * 2 * 9);
  EXPECT_EQ(result.trace.result->total, 6 * 2 * 9) << "jumped steps count as saved";
  EXPECT_EQ(result.counts.branch_steps_computed, 2 * 2);
  EXPECT_EQ(result.branch_steps_total, 6 * 2);
}

TEST(Generate, DecodesToBytes) {
  const ToyModel toy;
  const Result result = generate(toy, toy_request(2));
  EXPECT_EQ(result.frames.sizes(), (std::vector<std::int64_t>{5, 16, 16, 3}));
  EXPECT_EQ(result.frames.scalar_type(), at::kByte);
  const double latent = result.latents[0][1][0][0][0].item<double>();
  const double pixel = latent / (1 + std::abs(latent));
  EXPECT_EQ(result.frames[0][0][0][1].item<int>(), static_cast<int>(std::nearbyint((pixel / 2 + 0.5) * 255)));
}

TEST(Generate, ReportsEveryStep) {
  const ToyModel toy;
  std::vector<StepProgress> reports;
  GenerateOptions options;
  options.on_step = [&](const StepProgress& progress) { reports.push_back(progress); };
  run_toy(toy, toy_request(6), {"interval:interval=2", "steps:compute=3"}, options);
  ASSERT_EQ(reports.size(), 3U);
  for (std::size_t k = 0; k < reports.size(); ++k) {
    EXPECT_EQ(reports[k].index, static_cast<int>(k));
    EXPECT_EQ(reports[k].count, 3);
    EXPECT_GE(reports[k].seconds, 0);
  }
  // Nodes 0, 2, 4 are visited and 0, 4 computed: one of two, one of four, two of six.
  EXPECT_DOUBLE_EQ(reports[0].hit_rate, 1 - 1.0 / 2);
  EXPECT_DOUBLE_EQ(reports[1].hit_rate, 1 - 1.0 / 4);
  EXPECT_DOUBLE_EQ(reports[2].hit_rate, 1 - 2.0 / 6);
}

TEST(Generate, ThatWasCancelledLeavesNothingBehind) {
  const ToyModel toy;
  const std::vector<std::string> policies = {"taylorseer:interval=3,first=1", "steps:compute=8"};
  const Request request = toy_request(10);
  const Result fresh = run_toy(ToyModel(), request, policies);
  const PolicyFactory factory = factory_of(policies);
  for (const int last_step : {0, 1, 4, 7}) {
    std::stop_source stop;
    GenerateOptions options;
    options.stop = stop.get_token();
    options.decode = false;
    int steps = 0;
    options.on_step = [&](const StepProgress& progress) {
      ++steps;
      if (progress.index == last_step) stop.request_stop();
    };
    Request other = request;
    other.seed = 99;
    if (last_step == 7) {
      options.decode = true;  // the steps are done: the decoder is what stops
    }
    EXPECT_THROW(generate(toy, other, factory, options), Cancelled);
    EXPECT_EQ(steps, last_step + 1);
    GenerateOptions plain;
    plain.decode = false;
    const Result second = generate(toy, request, factory, plain);
    EXPECT_TRUE(same_bits(second.latents, fresh.latents));
    Trace trace = second.trace;
    trace.run.policies = fresh.trace.run.policies;
    EXPECT_EQ(trace.to_json_lines(), fresh.trace.to_json_lines());
  }
}

TEST(Generate, StopsBeforeTheFirstStepWhenAskedTo) {
  std::stop_source stop;
  stop.request_stop();
  GenerateOptions options;
  options.stop = stop.get_token();
  options.on_step = [](const StepProgress&) { FAIL() << "a step ran"; };
  EXPECT_THROW(generate(ToyModel(), toy_request(2), options), Cancelled);
}

TEST(Generate, SharesAModelBetweenThreads) {
  const ToyModel toy;
  const std::vector<std::string> specifications = {"taylorseer:interval=2,first=1", "teacache:threshold=0.3"};
  std::vector<Result> alone, together(specifications.size());
  for (std::size_t k = 0; k < specifications.size(); ++k) {
    Request request = toy_request(20);
    request.seed = k;
    alone.push_back(run_toy(toy, request, {specifications[k]}));
  }
  {
    std::vector<std::jthread> threads;
    for (std::size_t k = 0; k < specifications.size(); ++k) {
      threads.emplace_back([&, k] {
        Request request = toy_request(20);
        request.seed = k;
        together[k] = run_toy(toy, request, {specifications[k]});
      });
    }
  }
  for (std::size_t k = 0; k < specifications.size(); ++k) {
    EXPECT_TRUE(same_bits(together[k].latents, alone[k].latents));
    EXPECT_EQ(together[k].trace.to_json_lines(), alone[k].trace.to_json_lines());
  }
}

TEST(Generate, NamesTheStepAtWhichTheLatentIsLost) {
  const auto policy = [] {
    return std::make_unique<FunctionPolicy>(
        Plan{{prediction_site(FeatureForm::kOutput)}}, [](const DecisionPoint& point) {
          return point.step.index < 3 ? Decision::recompute("") : Decision::blend({3e38F}, "");
        });
  };
  try {
    generate(ToyModel(), toy_request(6), policy);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInternal);
    EXPECT_STREQ(error.what(),
                 "step 3: the latent has NaN or infinite values; accepted: finite ones (try full compute, --dtype "
                 "fp32, or other weights)");
  }
}

TEST(Generate, PixelsThatAreLostAreNoBlackFrames) {
  at::Tensor pixels = at::full({1, 3, 1, 2, 2}, 0.5F);
  EXPECT_EQ(to_frames(pixels).sizes(), (std::vector<std::int64_t>{1, 2, 2, 3}));
  pixels.view({-1})[5] = std::numeric_limits<float>::quiet_NaN();
  try {
    to_frames(pixels);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kInternal);
    EXPECT_TRUE(std::string(error.what()).starts_with("decode: the decoder's pixels have NaN or infinite values"));
  }
}

/// Visits whatever grid a test wants.
class GridPolicy : public CachePolicy {
 public:
  explicit GridPolicy(StepGrid grid) : grid_(std::move(grid)) {}
  Plan plan(const Topology&, std::span<const StepInfo>) override { return {}; }
  Decision decide(const DecisionPoint&) override { return Decision::recompute(""); }
  StepGrid shape_grid(StepGrid) const override { return grid_; }

 private:
  StepGrid grid_;
};

TEST(Generate, RefusesAnImpossibleGrid) {
  const std::vector<StepGrid> grids = {
      {{0}, {}},                    // no step
      {{1, 0.5, 0}, {0, 4}},        // a node beyond the run
      {{1, 0.5, 0}, {-1, 2}},       // and before it
      {{1, 0.5, 0}, {1, 2}},        // pure noise at a level that is not its own
      {{1, 0.5, 0}, {2, 2}},        // twice the same
      {{0.5, 0.75, 0}, {0, 1}},     // rising
      {{1, 0.5, 0.25, 0}, {0, 1}},  // more levels than steps need
      {{1, 0.5, 0.25}, {0, 1}},     // noise is left
      {{1, 1 - 1e-12, 0}, {0, 1}},  // equal in fp32
  };
  for (const StepGrid& grid : grids) {
    const auto policy = [&] { return std::make_unique<GridPolicy>(grid); };
    EXPECT_THROW(generate(ToyModel(), toy_request(4), policy), Error);
  }
  const StepGrid moved = {{0.9, 0.4, 0}, {0, 3}};
  const Result result = generate(ToyModel(), toy_request(4), [&] { return std::make_unique<GridPolicy>(moved); });
  EXPECT_EQ(result.trace.run.grid.sigmas, moved.sigmas) << "noise levels may move";
}

}  // namespace
}  // namespace ditto::test
