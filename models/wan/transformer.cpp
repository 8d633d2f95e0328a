#include "models/wan/transformer.h"

#include <algorithm>
#include <utility>

#include <ATen/ops/empty.h>

#include <fmt/format.h>

#include "core/error.h"
#include "kernels/attention.h"
#include "kernels/blend.h"
#include "kernels/modulated_layer_norm.h"
#include "kernels/received_attention.h"
#include "kernels/rms_norm_rope.h"
#include "models/wan/conditioning.h"
#include "models/wan/patches.h"
#include "models/wan/rotary_table.h"
#include "models/wan/run_context.h"
#include "models/wan/whole_bytes.h"

namespace ditto {
namespace {

/// The parts of a block in order of execution.
enum class Part : std::uint8_t { kSelfAttention, kCrossAttention, kFeedForward };
constexpr int kParts = 3;
constexpr const char* kPartNames[kParts] = {"self_attention", "cross_attention", "feed_forward"};

Part part_of(int unit) { return static_cast<Part>(unit % kParts); }
std::size_t block_of(int unit) { return static_cast<std::size_t>(unit / kParts); }

Topology make_topology(const WanTransformerConfig& config, ModelIdentity identity) {
  Topology topology{.identity = std::move(identity), .units = {}, .channels = static_cast<int>(config.width())};
  std::ranges::transform(config.patch_size, topology.patch.begin(), [](std::int64_t n) { return static_cast<int>(n); });
  for (int block = 0; block < config.num_layers; ++block) {
    for (const char* part : kPartNames) {
      topology.units.push_back({fmt::format("blocks.{}.{}", block, part), part, block});
    }
  }
  return topology;
}

const WanRunContext& context_of(const Activations& activations) {
  return static_cast<const WanRunContext&>(*activations.context);
}

const WanStepModulation& step_of(const Activations& activations) {
  return context_of(activations).steps.at(static_cast<std::size_t>(activations.step));
}

void require_computable(const WanTransformerOptions& options) {
  const bool known = options.dtype == at::kFloat || options.dtype == at::kBFloat16 || options.dtype == at::kHalf;
  if (known && !(options.dtype == at::kHalf && options.device.is_cpu())) return;
  throw Error(ExitCode::kUsage, fmt::format("--dtype: {} is not available on {}; accepted: fp32, bf16{}",
                                            options.dtype == c10::kHalf ? "fp16" : c10::toString(options.dtype),
                                            options.device.str(), options.device.is_cpu() ? "" : ", fp16"));
}

}  // namespace

WanTransformer::WanTransformer(const WanTransformerConfig& config, WeightSet& weights, ModelIdentity identity,
                               const WanTransformerOptions& options)
    : config_(config), options_(options), topology_(make_topology(config, std::move(identity))) {
  require_computable(options);
  weights_ = take_transformer_weights(config, weights, options.dtype, options.device);
  // A leftover of image-to-video training in some exports; diffusers drops it too.
  weights.finish([](std::string_view name) { return name.find("norm_added_q") != std::string_view::npos; });
  first_non_finite_ = weights.first_non_finite();
}

std::unique_ptr<const WanTransformer> WanTransformer::load(const std::filesystem::path& folder, ModelIdentity identity,
                                                           const WanTransformerOptions& options) {
  const WanTransformerConfig config = WanTransformerConfig::read(folder / "config.json");
  WeightSet weights(folder);
  return std::make_unique<const WanTransformer>(config, weights, std::move(identity), options);
}

std::int64_t WanTransformer::activation_bytes(at::IntArrayRef latent_sizes, std::int64_t branches,
                                              std::int64_t text_tokens, std::int64_t steps) const {
  // Sizes that no machine holds would overflow integers.
  const auto item = static_cast<double>(c10::elementSize(options_.dtype));
  const auto tokens = static_cast<double>(latent_sizes[2]) * static_cast<double>(latent_sizes[3]) *
                      static_cast<double>(latent_sizes[4]) / static_cast<double>(config_.patch_elements());
  const auto width = static_cast<double>(config_.width()), layers = static_cast<double>(config_.num_layers);
  // Hidden state, norm output, query, key, value, attention output and two fp32 intermediates of one of them; or the
  // widened feed-forward.
  const double attention = tokens * width * (6 * item + 2 * 4);
  const double feed_forward = tokens * (2 * width + static_cast<double>(config_.ffn_dim)) * item;
  const double text = 2 * layers * static_cast<double>(text_tokens) * width * item;
  const double modulations = static_cast<double>(steps) * layers * 6 * width * 4;
  return whole_bytes(static_cast<double>(branches) * (std::max(attention, feed_forward) + text) + modulations);
}

std::unique_ptr<const RunContext> WanTransformer::prepare(std::span<const at::Tensor> text,
                                                          std::span<const StepInfo> schedule,
                                                          at::IntArrayRef latent_sizes) const {
  auto context = std::make_unique<WanRunContext>();
  context->grid = token_grid(config_, latent_sizes);
  context->rotation = rotary_table(context->grid, config_.attention_head_dim).to(options_.device);
  for (const StepInfo& step : schedule) {
    context->steps.push_back(modulate_step(config_, weights_, step.timestep, options_.kernels));
  }
  context->text = project_text(config_, weights_, text, options_.kernels);
  return context;
}

Activations WanTransformer::embed(const RunContext& context, const at::Tensor& latent, int step,
                                  std::vector<int> rows) const {
  const at::Tensor patches = to_patches(config_, latent.to(options_.device, options_.dtype));
  // The branches share latent and timestep: embedded once, then one copy each, for they are updated in place.
  const at::Tensor tokens = weights_.patch_embedding.forward(patches, options_.kernels);
  at::Tensor hidden = tokens;
  if (rows.size() > 1) hidden = tokens.repeat({static_cast<std::int64_t>(rows.size()), 1, 1});
  return {{std::move(hidden), {}}, std::move(rows), step, &context};
}

at::Tensor WanTransformer::self_attention(std::size_t block, const Activations& activations) const {
  const WanAttentionWeights& weights = weights_.blocks[block].self_attention;
  const KernelMode mode = options_.kernels;
  const at::Tensor x = attention_input(block, activations);
  const at::Tensor query = rotated(weights.query, weights.query_norm, x, activations);
  const at::Tensor key = rotated(weights.key, weights.key_norm, x, activations);
  const at::Tensor value = weights.value.forward(x, mode).view(query.sizes());
  return weights.output.forward(kernels::attention(query, key, value, mode), mode);
}

at::Tensor WanTransformer::attention_input(std::size_t block, const Activations& activations) const {
  const WanBlockModulation& modulation = step_of(activations).blocks[block];
  return kernels::modulated_layer_norm(activations.hidden.video, modulation.attention_scale, modulation.attention_shift,
                                       config_.eps, options_.kernels);
}

at::Tensor WanTransformer::rotated(const kernels::Linear& projection, const at::Tensor& norm, const at::Tensor& input,
                                   const Activations& activations) const {
  return kernels::rms_norm_rope(projection.forward(input, options_.kernels), norm, config_.eps,
                                context_of(activations).rotation, options_.kernels);
}

at::Tensor WanTransformer::received_attention(int unit, const Activations& activations, int query_stride) const {
  if (part_of(unit) != Part::kSelfAttention) return Model::received_attention(unit, activations, query_stride);
  const WanAttentionWeights& weights = weights_.blocks[block_of(unit)].self_attention;
  const at::Tensor x = attention_input(block_of(unit), activations);
  return kernels::received_attention(rotated(weights.query, weights.query_norm, x, activations),
                                     rotated(weights.key, weights.key_norm, x, activations), query_stride);
}

at::Tensor WanTransformer::cross_attention(std::size_t block, const Activations& activations) const {
  const WanBlockWeights& weights = weights_.blocks[block];
  const WanAttentionWeights& attention = weights.cross_attention;
  const KernelMode mode = options_.kernels;
  at::Tensor x = activations.hidden.video;
  if (config_.cross_attn_norm) {
    x = kernels::modulated_layer_norm(x, weights.cross_norm_weight, weights.cross_norm_bias, config_.eps, mode);
  }
  const at::Tensor query = kernels::rms_norm(attention.query.forward(x, mode), attention.query_norm, config_.eps, mode)
                               .view({x.size(0), x.size(1), config_.num_attention_heads, config_.attention_head_dim});
  const WanTextContext text = context_of(activations).text[block].rows(activations.rows);
  return attention.output.forward(kernels::attention(query, text.keys, text.values, mode), mode);
}

at::Tensor WanTransformer::feed_forward(std::size_t block, const Activations& activations) const {
  const WanBlockWeights& weights = weights_.blocks[block];
  const WanBlockModulation& modulation = step_of(activations).blocks[block];
  const KernelMode mode = options_.kernels;
  const at::Tensor x = kernels::modulated_layer_norm(activations.hidden.video, modulation.feed_forward_scale,
                                                     modulation.feed_forward_shift, config_.eps, mode);
  return weights.feed_forward_out.forward(weights.feed_forward_in.forward(x, mode, kernels::Activation::kGeluTanh),
                                          mode);
}

Feature WanTransformer::run_unit(int unit, const Activations& activations) const {
  switch (part_of(unit)) {
    case Part::kSelfAttention:
      return {self_attention(block_of(unit), activations), {}};
    case Part::kCrossAttention:
      return {cross_attention(block_of(unit), activations), {}};
    default:
      return {feed_forward(block_of(unit), activations), {}};
  }
}

void WanTransformer::apply_unit(int unit, const Blend& blend, Activations& activations) const {
  std::vector<at::Tensor> terms;
  for (const Feature& term : blend.terms) terms.push_back(term.video);
  const kernels::BlendWeights weights{blend.weights, blend.cluster_of_channel};
  const at::Tensor& hidden = activations.hidden.video;
  if (part_of(unit) == Part::kCrossAttention) {
    return kernels::add_weighted_sum_(hidden, terms, weights, options_.kernels);
  }
  const WanBlockModulation& modulation = step_of(activations).blocks[block_of(unit)];
  const bool attention = part_of(unit) == Part::kSelfAttention;
  kernels::gated_add_weighted_sum_(hidden, terms, weights, /*bias=*/{},
                                   attention ? modulation.attention_gate : modulation.feed_forward_gate,
                                   options_.kernels);
}

at::Tensor WanTransformer::signal(Signal signal, const Activations& activations) const {
  const WanStepModulation& step = step_of(activations);
  const auto rows = static_cast<std::int64_t>(activations.rows.size());
  switch (signal) {
    case Signal::kTimeEmbedding:
      return step.time_embedding.expand({rows, -1});
    case Signal::kTimeProjection:
      return step.time_projection.expand({rows, -1, -1});
    default:
      return kernels::modulated_layer_norm(activations.hidden.video, step.blocks.front().attention_scale,
                                           step.blocks.front().attention_shift, config_.eps, options_.kernels);
  }
}

at::Tensor WanTransformer::project(const Activations& activations) const {
  const WanStepModulation& step = step_of(activations);
  const at::Tensor x = kernels::modulated_layer_norm(activations.hidden.video, step.head_scale, step.head_shift,
                                                     config_.eps, options_.kernels);
  return from_patches(config_, weights_.head.forward(x, options_.kernels), context_of(activations).grid);
}

}  // namespace ditto
