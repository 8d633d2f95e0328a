#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "core/video_model.h"
#include "runtime/pipeline.h"

namespace ditto::test {

/// The exact flow to a mixture of the normal distributions N(+1, .09) and N(-1, .09), a latent of eight independent
/// numbers. Its one unit computes tanh(u) - u / (1 + |u|), which embedding and head complete to the flow; where it is
/// reused, the head's own part stays fresh.
class MixtureFlow : public VideoModel, private Model {
 public:
  MixtureFlow() {
    defaults_ = {.width = 8,
                 .height = 1,
                 .frames = 1,
                 .fps = 1,
                 .steps = 50,
                 .guidance = 1,
                 .solver = "unipc",
                 .solver_options = {.shift = 3}};
    topology_.identity = {"mixture", "91"};
    topology_.channels = 2;
    topology_.units = {{"blocks.0.feed_forward", "feed_forward", 0}};
  }

  /// The latent that every run starts from.
  static at::Tensor noise() {
    return at::tensor({.1, .3, .6, 1., 1.4, 1.9, -.45, -.8}, at::kFloat).reshape({1, 1, 1, 1, 8});
  }
  static Request request() {
    Request request;
    request.noise = noise();
    return request;
  }

  const ModelDefaults& defaults() const override { return defaults_; }
  const Model& denoiser() const override { return *this; }
  at::Tensor encode_text(const std::string&) const override { return at::zeros({1, 1, 2}); }
  std::vector<std::int64_t> latent_sizes(int, int, int) const override { return {1, 1, 1, 1, 8}; }
  at::Tensor decode(const at::Tensor& latents, const std::function<bool(int, int)>&) const override { return latents; }
  std::int64_t weight_bytes() const override { return 0; }
  std::int64_t activation_bytes(at::IntArrayRef) const override { return 0; }

 private:
  struct Context : RunContext {
    std::vector<StepInfo> schedule;
  };
  /// Terms of the data prediction .09 a x / D + s^2 / D * tanh(a x / D).
  struct Terms {
    double sigma, signal, variance;
    explicit Terms(const Activations& activations)
        : sigma(static_cast<const Context&>(*activations.context)
                    .schedule[static_cast<std::size_t>(activations.step)]
                    .sigma),
          signal(1 - sigma),
          variance(.09 * signal * signal + sigma * sigma) {}
  };
  static at::Tensor rational(const at::Tensor& u) { return u / (1 + u.abs()); }

  const Topology& topology() const override { return topology_; }
  std::unique_ptr<const RunContext> prepare(std::span<const at::Tensor>, std::span<const StepInfo> schedule,
                                            at::IntArrayRef) const override {
    auto context = std::make_unique<Context>();
    context->schedule.assign(schedule.begin(), schedule.end());
    return context;
  }
  /// Tokens [1, 8, 2]: the latent, and what the unit adds to.
  Activations embed(const RunContext& context, const at::Tensor& latent, int step,
                    std::vector<int> rows) const override {
    const at::Tensor x = latent.reshape({1, 8});
    return {{at::stack({x, at::zeros_like(x)}, 2), {}}, std::move(rows), step, &context};
  }
  Feature run_unit(int, const Activations& activations) const override {
    const Terms terms(activations);
    const at::Tensor u = activations.hidden.video.select(2, 0) * (terms.signal / terms.variance);
    return {at::stack({at::zeros_like(u), at::tanh(u) - rational(u)}, 2), {}};
  }
  void apply_unit(int, const Blend& blend, Activations& activations) const override {
    for (std::size_t k = 0; k < blend.terms.size(); ++k) {
      activations.hidden.video.add_(blend.terms[k].video, blend.weights[k]);
    }
  }
  at::Tensor signal(Signal, const Activations& activations) const override { return activations.hidden.video; }
  at::Tensor project(const Activations& activations) const override {
    const Terms terms(activations);
    const at::Tensor x = activations.hidden.video.select(2, 0);
    const at::Tensor u = x * (terms.signal / terms.variance);
    const at::Tensor data =
        .09 * u + terms.sigma * terms.sigma / terms.variance * (rational(u) + activations.hidden.video.select(2, 1));
    return ((x - data) / terms.sigma).reshape({1, 1, 1, 1, 8});
  }

  ModelDefaults defaults_;
  Topology topology_;
};

/// What a run of every step went through, in doubles.
struct Trajectory {
  std::vector<double> sigmas;           ///< T + 1
  std::vector<at::Tensor> latents;      ///< x_0 .. x_T as they enter the steps
  std::vector<at::Tensor> predictions;  ///< m_0 .. m_{T-1}

  /// [1, 2T + 1, 2T + 1] of <y_a, y_b> / numel over y = (latents, predictions).
  at::Tensor gram() const {
    std::vector<at::Tensor> rows;
    for (const at::Tensor& latent : latents) rows.push_back(latent.flatten());
    for (const at::Tensor& prediction : predictions) rows.push_back(prediction.flatten());
    const at::Tensor y = at::stack(rows);
    return (at::matmul(y, y.t()) / static_cast<double>(y.size(1))).unsqueeze(0);
  }
};

inline Trajectory full_trajectory(const VideoModel& model, const Request& request) {
  Trajectory trajectory;
  GenerateOptions options;
  options.decode = false;
  options.on_prediction = [&](const StepInfo& step, const at::Tensor& latent, const at::Tensor& prediction) {
    trajectory.sigmas.push_back(step.sigma);
    trajectory.latents.push_back(latent.to(at::kDouble));
    trajectory.predictions.push_back(latent.to(at::kDouble) - step.sigma * prediction.to(at::kDouble));
  };
  const Result result = generate(model, request, options);
  trajectory.latents.push_back(result.latents.to(at::kDouble));
  trajectory.sigmas.push_back(0);
  return trajectory;
}

/// Root mean square difference.
inline double rms_difference(const at::Tensor& a, const at::Tensor& b) {
  return std::sqrt((a.to(at::kDouble) - b.to(at::kDouble)).square().mean().item<double>());
}

}  // namespace ditto::test
