#include "apps/dit_bench/kernel_cases.h"

#include <array>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/polar.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "kernels/attention.h"
#include "kernels/blend.h"
#include "kernels/change_metrics.h"
#include "kernels/gated_add.h"
#include "kernels/int8_rows.h"
#include "kernels/modulated_layer_norm.h"
#include "kernels/rms_norm_rope.h"
#include "kernels/solver_update.h"

namespace ditto {
namespace {

constexpr double kEpsilon = 1e-6;

/// Channels of a head: the miniature's, and that of Wan 2.1.
std::int64_t head_width(std::int64_t channels) { return channels < 1024 ? 32 : 128; }

at::Tensor normal(at::IntArrayRef sizes, at::ScalarType dtype = at::kFloat) {
  static at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(1);
  return at::randn(sizes, generator, at::TensorOptions(at::kFloat)).to(dtype);
}

/// A call of the same function in both modes.
template <typename Call>
KernelCase in_both_modes(std::string operation, double bytes, const Call& call, std::function<void()> aten = {}) {
  return {std::move(operation), [call] { call(KernelMode::kAuto); }, [call] { call(KernelMode::kReference); },
          std::move(aten), static_cast<std::int64_t>(bytes)};
}

/// Operands of all cases of a size.
struct Operands {
  at::Tensor x, y, weight, scale, shift, gate, rotation, clusters;
  double bytes;  ///< of one activation

  Operands(std::int64_t tokens, std::int64_t channels, at::ScalarType dtype)
      : x(normal({1, tokens, channels}, dtype)),
        y(normal({1, tokens, channels}, dtype)),
        weight(normal({channels}, dtype)),
        scale(normal({channels})),
        shift(normal({channels})),
        gate(normal({channels})),
        clusters(at::randint(4, {channels}, at::kInt)),
        bytes(static_cast<double>(x.nbytes())) {
    const at::Tensor angles = normal({tokens, 1, head_width(channels) / 2});
    rotation = at::polar(at::ones_like(angles), angles);
  }
};

void add_blends(std::vector<KernelCase>& cases, const Operands& o) {
  for (const int count : {1, 3, 6}) {
    std::vector<at::Tensor> terms;
    for (int k = 0; k < count; ++k) terms.push_back(normal(o.x.sizes(), o.x.scalar_type()));
    const auto values = std::vector<float>(static_cast<std::size_t>(4 * count), 0.25F);
    const at::Tensor target = o.x.clone();
    cases.push_back(in_both_modes("blend-add of " + std::to_string(count), (count + 2) * o.bytes, [=](KernelMode mode) {
      kernels::add_weighted_sum_(target, terms, {std::span(values).first(static_cast<std::size_t>(count))}, mode);
    }));
    cases.push_back(in_both_modes(
        "gated blend-add of " + std::to_string(count) + ", 4 clusters", (count + 2) * o.bytes, [=](KernelMode mode) {
          kernels::gated_add_weighted_sum_(target, terms, {values, o.clusters}, {}, o.gate, mode);
        }));
  }
}

void add_norms(std::vector<KernelCase>& cases, const Operands& o) {
  cases.push_back(in_both_modes(
      "gated add", 3 * o.bytes,
      [=, target = o.x.clone()](KernelMode mode) { kernels::gated_add_(target, o.y, o.gate, mode); },
      [=, target = o.x.clone()] { target.addcmul_(o.y, o.gate); }));
  cases.push_back(in_both_modes(
      "layer norm + modulate", 2 * o.bytes,
      [=](KernelMode mode) { kernels::modulated_layer_norm(o.x, o.scale, o.shift, kEpsilon, mode); },
      [=] { at::layer_norm(o.x, {o.x.size(-1)}, o.scale, o.shift, kEpsilon); }));
  cases.push_back(in_both_modes(
      "RMS norm", 2 * o.bytes, [=](KernelMode mode) { kernels::rms_norm(o.x, o.weight, kEpsilon, mode); },
      [=] { at::rms_norm(o.x, {o.x.size(-1)}, o.weight, kEpsilon); }));
  cases.push_back(
      in_both_modes("RMS norm + rotation", 2 * o.bytes + static_cast<double>(o.rotation.nbytes()),
                    [=](KernelMode mode) { kernels::rms_norm_rope(o.x, o.weight, kEpsilon, o.rotation, mode); }));
}

void add_attention(std::vector<KernelCase>& cases, const Operands& o) {
  const std::int64_t channels = o.x.size(-1), width = head_width(channels);
  const auto heads = [&](const at::Tensor& x) { return x.unflatten(-1, {channels / width, width}); };
  const at::Tensor query = heads(o.x), key = heads(o.y), value = heads(o.x);
  cases.push_back(in_both_modes(
      "attention, heads of " + std::to_string(width), 0,
      [=](KernelMode mode) { kernels::attention(query, key, value, mode); },
      [=] { at::scaled_dot_product_attention(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)); }));
}

void add_metrics(std::vector<KernelCase>& cases, const Operands& o) {
  cases.push_back(
      in_both_modes("relative L1", 2 * o.bytes, [=](KernelMode mode) { kernels::l1_change(o.x, o.y, mode); }));
  cases.push_back(
      in_both_modes("cosine", 2 * o.bytes, [=](KernelMode mode) { kernels::cosine_similarity(o.x, o.y, mode); }));
  cases.push_back(in_both_modes("squared error", 2 * o.bytes,
                                [=](KernelMode mode) { kernels::mean_squared_error(o.x, o.y, mode); }));
}

/// Updates of a latent of that many elements; UniPC's in fp32, as its history is.
void add_solvers(std::vector<KernelCase>& cases, const Operands& o) {
  constexpr double kGuidance = 5, kSigma = 0.7;
  cases.push_back(in_both_modes("guidance + Euler", 4 * o.bytes, [=](KernelMode mode) {
    kernels::euler_update({o.x, o.y, kGuidance}, -kSigma, o.x, mode);
  }));
  const at::Tensor latent = normal(o.x.sizes());
  const kernels::UniPcHistory history{normal(o.x.sizes()), normal(o.x.sizes()), normal(o.x.sizes())};
  cases.push_back(
      in_both_modes("guidance + UniPC", 2 * o.bytes + 7 * static_cast<double>(latent.nbytes()), [=](KernelMode mode) {
        kernels::unipc_update({o.x, o.y, kGuidance}, kSigma, latent, history,
                              kernels::UniPcWeights{.latent = .9, .current = .3, .previous = -.1, .fresh = -.1},
                              {.latent = .8, .current = .35, .previous = -.15}, mode);
      }));
}

void add_int8(std::vector<KernelCase>& cases, const Operands& o) {
  const double elements = static_cast<double>(o.x.numel());
  cases.push_back(
      in_both_modes("int8 of rows", o.bytes + elements, [=](KernelMode mode) { kernels::quantise_rows(o.x, mode); }));
  const kernels::DequantisedSum product{
      at::randint(-1000, 1000, o.x.sizes(), at::kInt), normal({1, o.x.size(1)}), o.scale, o.shift, o.gate, o.y};
  cases.push_back(in_both_modes("int8 product to gated add", 2 * o.bytes + 4 * elements,
                                [=](KernelMode mode) { kernels::dequantise(product, o.x.scalar_type(), mode); }));
}

}  // namespace

std::vector<KernelCase> kernel_cases(std::int64_t tokens, std::int64_t channels, at::ScalarType dtype) {
  const Operands operands(tokens, channels, dtype);
  std::vector<KernelCase> cases;
  add_blends(cases, operands);
  add_norms(cases, operands);
  add_attention(cases, operands);
  add_metrics(cases, operands);
  add_solvers(cases, operands);
  add_int8(cases, operands);
  return cases;
}

}  // namespace ditto
