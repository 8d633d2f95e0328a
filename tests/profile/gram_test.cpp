// Inner products: of latents and data predictions, and of hidden states.

#include "caches/profiling/gram.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include "models/toy/toy_model.h"
#include "profile_support.h"
#include "solvers/unipc_weights.h"
#include "tolerances.h"
#include "toy_support.h"

namespace ditto::test {
namespace {

constexpr int kSteps = 8;

TEST(GramMatrix, OfRowsLongerThanOneChunk) {
  const at::Tensor a = draw_noise(1, {1, 100'000}), b = draw_noise(2, {1, 100'000});
  const at::Tensor gram = gram_matrix({a, b, a + b});
  const double aa = a.to(at::kDouble).square().mean().item<double>();
  const double ab = (a.to(at::kDouble) * b.to(at::kDouble)).mean().item<double>();
  EXPECT_NEAR(number(gram, {0, 0}), aa, 1e-12);
  EXPECT_NEAR(number(gram, {0, 1}), ab, 1e-12);
  EXPECT_NEAR(number(gram, {2, 0}), aa + ab, 1e-7);
  EXPECT_TRUE(same_bits(gram, gram.t()));
}

/// w' S w of one prompt, for weights by row.
double error_of(const Profile& profile, const std::map<int, double>& weights) {
  at::Tensor row = at::zeros({2 * kSteps + 1}, at::kDouble);
  for (const auto& [index, weight] : weights) row[index] = weight;
  return at::matmul(row, at::matmul(profile.array("gram")[0], row)).item<double>();
}

int latent(int step) { return step; }
int data(int step) { return kSteps + 1 + step; }

/// The toy model's run, and the noise levels it visits.
std::vector<double> sigmas_of(const Request& request) { return run_toy(ToyModel(), request, {}).trace.run.grid.sigmas; }

TEST(LatentGram, EulerStepsHaveNoError) {
  const Request request = toy_request(kSteps);
  const Profile profile = profile_of(ToyModel(), request, {ArrayGroup::kGram});
  ASSERT_EQ(profile.array("gram").sizes(), (at::IntArrayRef{1, 2 * kSteps + 1, 2 * kSteps + 1}));
  const std::vector<double> sigmas = sigmas_of(request);
  for (int i = 0; i < kSteps; ++i) {
    const double ratio = sigmas[i + 1] / sigmas[i];
    EXPECT_NEAR(error_of(profile, {{latent(i), ratio}, {data(i), 1 - ratio}, {latent(i + 1), -1}}), 0, 1e-12);
  }
}

TEST(LatentGram, APlannedJumpHasTheErrorOfTheTensors) {
  Request request = toy_request(kSteps);
  request.solver = "unipc";
  std::vector<at::Tensor> latents, predictions;
  std::vector<double> sigmas;
  const ToyModel model;
  GenerateOptions options;
  options.decode = false;
  options.on_prediction = [&](const StepInfo& step, const at::Tensor& x, const at::Tensor& v) {
    latents.push_back(x.to(at::kDouble));
    predictions.push_back((x - step.sigma * v).to(at::kDouble));
    sigmas.push_back(step.sigma);
  };
  generate(model, request, options);
  const Profile profile = profile_of(model, request, {ArrayGroup::kGram});
  for (const auto& [p, i, j] : {std::array{0, 1, 3}, std::array{1, 3, 7}, std::array{2, 5, 6}}) {
    const UniPcWeights w = unipc_predictor(sigmas[i], sigmas[j], sigmas[p]);
    const at::Tensor missed =
        w.latent * latents[i] + w.current * predictions[i] + w.previous * predictions[p] - latents[j];
    const double expected = missed.square().mean().item<double>();
    const double planned =
        error_of(profile, {{latent(i), w.latent}, {data(i), w.current}, {data(p), w.previous}, {latent(j), -1}});
    EXPECT_NEAR(planned, expected, 1e-9 * expected + 1e-14);
  }
}

TEST(StackGram, OfScriptedStates) {
  // h = 0, 1, 1.8, 2.4, 2.7 and x0 = 1 everywhere, two channels of opposite sign.
  const std::vector<float> numbers = {0, 1, 1.8F, 2.4F, 2.7F};
  Script script;
  script.embedded = [](int, int, const at::Tensor&) { return row_of({1, -1}); };
  script.output = [&](int, int step, int, const at::Tensor&) {
    const float value = numbers[static_cast<std::size_t>(step)] - 1;
    return row_of({value, -value});
  };
  const ScriptedVideoModel model(script, 2);
  Request request;
  request.steps = 5;
  const Profile profile = profile_of(model, request, {ArrayGroup::kStackGram});
  ASSERT_EQ(profile.array("stack_gram").sizes(), (at::IntArrayRef{1, 5, 5}));
  for (int a = 0; a < 5; ++a) {
    for (int b = 0; b < 5; ++b) {
      const double x = numbers[static_cast<std::size_t>(a)], y = numbers[static_cast<std::size_t>(b)];
      EXPECT_NEAR(number(profile.array("stack_gram"), {0, a, b}), x * y, 1e-6);
      EXPECT_NEAR(number(profile.array("stack_delta_gram"), {0, a, b}), (x - 1) * (y - 1), 1e-6);
      EXPECT_NEAR(number(profile.array("stack_delta_error"), {0, a, b}), std::abs(x - y), 1e-6);
    }
  }
}

TEST(StackGram, EveryBranchHasItsOwn) {
  const Profile profile = profile_of(ToyModel(), toy_request(kSteps), {ArrayGroup::kStackGram});
  const at::Tensor& gram = profile.array("stack_gram");
  ASSERT_EQ(gram.sizes(), (at::IntArrayRef{2, kSteps, kSteps}));
  EXPECT_GT(largest_difference(gram[0], gram[1]), 0.01);
}

}  // namespace
}  // namespace ditto::test
