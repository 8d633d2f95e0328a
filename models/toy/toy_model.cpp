#include "models/toy/toy_model.h"

#include <array>
#include <cmath>
#include <numeric>

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>

#include <fmt/format.h>

#include "core/error.h"
#include "kernels/blend.h"

namespace ditto {
namespace {

constexpr int kChannels = 4;
constexpr int kCompression = 8;
constexpr int kFrameCompression = 4;
constexpr std::array kKinds = {"self_attention", "cross_attention", "feed_forward"};

struct ToyContext : RunContext {
  std::vector<StepInfo> schedule;
  std::vector<double> text;  ///< one number per branch
  std::vector<std::int64_t> latent_sizes;
};

const ToyContext& context_of(const Activations& activations) {
  return static_cast<const ToyContext&>(*activations.context);
}

const StepInfo& step_of(const Activations& activations) {
  return context_of(activations).schedule[static_cast<std::size_t>(activations.step)];
}

}  // namespace

ToyModel::ToyModel(const ToyOptions& options) : options_(options) {
  defaults_ = {.width = 16,
               .height = 16,
               .frames = 5,
               .fps = 8,
               .steps = 10,
               .guidance = 2.0,
               .solver = "euler",
               .solver_options = {}};
  topology_.identity = {"toy", "0000000000000000000000000000000000000000000000000000000000000000"};
  topology_.channels = kChannels;
  topology_.guidance_distilled = options.guidance_distilled;
  for (int block = 0; block < options.blocks; ++block) {
    for (const char* kind : kKinds) topology_.units.push_back({fmt::format("blocks.{}.{}", block, kind), kind, block});
  }
}

double ToyModel::constant_of(int unit, int channel) { return 0.01 * (unit + 1) * (channel % 2 == 0 ? 1 : -1); }

at::Tensor ToyModel::encode_text(const std::string& prompt) const {
  const double letters = std::accumulate(prompt.begin(), prompt.end(), 0.0, [](double sum, unsigned char letter) {
    return std::fmod(sum * 31 + letter, 1009);
  });
  return at::full({1, 1, kChannels}, letters / 1009);
}

std::vector<std::int64_t> ToyModel::latent_sizes(int width, int height, int frames) const {
  if (width < 1 || height < 1 || width % kCompression != 0 || height % kCompression != 0) {
    throw Error(ExitCode::kUsage,
                fmt::format("--size: {}x{} is not possible; accepted: multiples of {}", width, height, kCompression));
  }
  if (frames < 1 || frames % kFrameCompression != 1) {
    throw Error(ExitCode::kUsage, fmt::format("--frames: {} is not possible; accepted: 4k+1", frames));
  }
  return {1, kChannels, (frames - 1) / kFrameCompression + 1, height / kCompression, width / kCompression};
}

at::Tensor ToyModel::decode(const at::Tensor& latents, const std::function<bool(int, int)>& keep_going) const {
  const at::Tensor colours = latents.narrow(1, 0, 3);
  const at::Tensor rgb = colours / (1 + colours.abs());
  const at::Tensor first = rgb.narrow(2, 0, 1);
  const at::Tensor rest = rgb.narrow(2, 1, rgb.size(2) - 1).repeat_interleave(kFrameCompression, 2);
  keep_going(1, 1);
  return at::cat({first, rest}, 2).repeat_interleave(kCompression, 3).repeat_interleave(kCompression, 4);
}

std::unique_ptr<const RunContext> ToyModel::prepare(std::span<const at::Tensor> text,
                                                    std::span<const StepInfo> schedule,
                                                    at::IntArrayRef latent_sizes) const {
  auto context = std::make_unique<ToyContext>();
  context->schedule.assign(schedule.begin(), schedule.end());
  for (const at::Tensor& embedding : text) context->text.push_back(embedding.mean().item<double>());
  context->latent_sizes = latent_sizes.vec();
  return context;
}

Activations ToyModel::embed(const RunContext& context, const at::Tensor& latent, int step,
                            std::vector<int> rows) const {
  const at::Tensor tokens = latent.flatten(2).transpose(1, 2);
  const std::int64_t count = static_cast<std::int64_t>(rows.size());
  return {{tokens.repeat({count, 1, 1}), {}}, std::move(rows), step, &context};
}

Feature ToyModel::run_unit(int unit, const Activations& activations) const {
  const ToyContext& context = context_of(activations);
  const StepInfo& step = step_of(activations);
  std::vector<at::Tensor> outputs;
  for (std::size_t r = 0; r < activations.rows.size(); ++r) {
    const std::size_t branch = static_cast<std::size_t>(activations.rows[r]);
    std::vector<double> constants;
    for (int channel = 0; channel < kChannels; ++channel) {
      constants.push_back(constant_of(unit, channel) + 0.1 * context.text[branch] + 0.5 * static_cast<double>(branch));
    }
    at::Tensor output = at::tensor(constants, at::kFloat);
    const at::Tensor hidden = activations.hidden.video.narrow(0, static_cast<std::int64_t>(r), 1);
    if (options_.feature == ToyFeature::kLinear) output = output * static_cast<double>(step.index);
    if (options_.feature == ToyFeature::kSmooth) {
      output = output / (0.5 + step.sigma + 0.1 * unit) + 0.05 * hidden / (1 + hidden.abs());
    }
    outputs.push_back(output.expand_as(hidden));
  }
  return {at::cat(outputs, 0), {}};
}

void ToyModel::apply_unit(int, const Blend& blend, Activations& activations) const {
  std::vector<at::Tensor> terms;
  for (const Feature& term : blend.terms) terms.push_back(term.video);
  const at::Tensor output = kernels::weighted_sum(terms, {blend.weights, blend.cluster_of_channel}, options_.kernels);
  activations.hidden.video.add_(output, gate_of(step_of(activations).index));
}

at::Tensor ToyModel::signal(Signal signal, const Activations& activations) const {
  const std::int64_t rows = static_cast<std::int64_t>(activations.rows.size());
  const StepInfo& step = step_of(activations);
  switch (signal) {
    case Signal::kTimeEmbedding:
      return at::full({rows, kChannels}, 1 + step.sigma);
    case Signal::kTimeProjection:
      return at::full({rows, 2, kChannels}, 1 + 2 * step.sigma);
    default:
      return activations.hidden.video * (1 + step.sigma);
  }
}

at::Tensor ToyModel::received_attention(int unit, const Activations& activations, int query_stride) const {
  if (unit % static_cast<int>(kKinds.size()) != 0) return Model::received_attention(unit, activations, query_stride);
  return at::softmax(activations.hidden.video.mean(2), 1);
}

at::Tensor ToyModel::project(const Activations& activations) const {
  std::vector<std::int64_t> sizes = context_of(activations).latent_sizes;
  sizes[0] = activations.hidden.video.size(0);
  return activations.hidden.video.transpose(1, 2).reshape(sizes);
}

}  // namespace ditto
