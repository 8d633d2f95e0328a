#include "models/wan/vae_layers.h"

#include <cmath>
#include <utility>

#include <ATen/Context.h>
#include <ATen/ops/_convolution.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mkldnn_convolution.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tensor.h>

namespace ditto::wan_vae {
namespace {

constexpr std::int64_t kRemembered = 2;

at::Tensor new_frames(const at::Tensor& like, std::int64_t frames, std::int64_t channels, std::int64_t height,
                      std::int64_t width) {
  return at::empty({frames, channels, height, width}, like.options(), at::MemoryFormat::ChannelsLast);
}

/// A convolution with stride 1. On the CPU straight through oneDNN: the dispatcher prefers a slow fallback for 3-D
/// convolutions of few channels. On a GPU in fp32 throughout: the default there is TF32, of 10 bits.
at::Tensor convolve(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                    const std::vector<std::int64_t>& padding) {
  const std::vector<std::int64_t> ones(padding.size(), 1), zeros(padding.size(), 0);
  if (input.is_cpu() && at::globalContext().hasMKLDNN() && at::globalContext().userEnabledMkldnn()) {
    return at::mkldnn_convolution(input, weight, bias, padding, ones, ones, 1);
  }
  const at::Context& context = at::globalContext();
  return at::_convolution(input, weight, bias, ones, padding, ones, /*transposed=*/false, zeros, /*groups=*/1,
                          context.benchmarkCuDNN(), context.deterministicCuDNN() || context.deterministicAlgorithms(),
                          context.userEnabledCuDNN(), /*allow_tf32=*/false);
}

}  // namespace

at::Tensor Loader::take(const std::string& name, at::IntArrayRef shape) {
  const at::Tensor stored = weights_.take(name, shape, at::kFloat);
  const auto format = shape.size() == 5   ? at::MemoryFormat::ChannelsLast3d
                      : shape.size() == 4 ? at::MemoryFormat::ChannelsLast
                                          : at::MemoryFormat::Contiguous;
  const at::Tensor held = stored.to(device_).contiguous(format);
  if (!held.is_alias_of(stored)) weights_.release(name);
  bytes_ += static_cast<std::int64_t>(held.nbytes());
  return held;
}

ChannelNorm::ChannelNorm(Loader& loader, const std::string& name, std::int64_t channels, std::int64_t trailing_dims)
    : scale_(std::sqrt(static_cast<double>(channels))) {
  std::vector<std::int64_t> shape(1 + trailing_dims, 1);
  shape[0] = channels;
  gamma_ = loader.take(name + ".gamma", shape).reshape({channels, 1, 1});
}

void ChannelNorm::write(const at::Tensor& frames, const at::Tensor& out) const {
  constexpr double kSmallest = 1e-12;
  const at::Tensor norms = at::linalg_vector_norm(frames, 2, at::IntArrayRef{1}, /*keepdim=*/true);
  at::Tensor target = out;
  at::mul_out(target, frames, norms.clamp_min_(kSmallest).reciprocal_().mul_(scale_));
  target.mul_(gamma_);
}

PixelConvolution::PixelConvolution(Loader& loader, const std::string& name, std::int64_t in, std::int64_t out)
    : weight_(loader.take(name + ".weight", {out, in, 1, 1, 1}).squeeze(2)),
      bias_(loader.take(name + ".bias", {out})) {}

at::Tensor PixelConvolution::operator()(const at::Tensor& frames) const {
  return convolve(frames, weight_, bias_, {0, 0});
}

CausalConvolution::CausalConvolution(Loader& loader, const std::string& name, std::int64_t in, std::int64_t out,
                                     std::int64_t kernel)
    : slot_(loader.next_causal_convolution()),
      weight_(loader.take(name + ".weight", {out, in, kRemembered + 1, kernel, kernel})),
      bias_(loader.take(name + ".bias", {out})),
      padding_(kernel / 2) {}

at::Tensor CausalConvolution::window(const at::Tensor& like, const CausalHistory& history) const {
  at::Tensor window = new_frames(like, kRemembered + like.size(0), like.size(1), like.size(2), like.size(3));
  const at::Tensor& remembered = history.frames[slot_];
  at::Tensor room = window.narrow(0, 0, kRemembered);
  if (remembered.defined()) {
    room.copy_(remembered);
  } else {
    room.zero_();
  }
  return window;
}

at::Tensor CausalConvolution::fresh(const at::Tensor& window) {
  return window.narrow(0, kRemembered, window.size(0) - kRemembered);
}

at::Tensor CausalConvolution::operator()(const at::Tensor& window, CausalHistory& history) const {
  if (!history.last_chunk) {
    history.frames[slot_] = window.narrow(0, window.size(0) - kRemembered, kRemembered).clone();
  }
  // Frames as one clip [1,C,T,H,W]; only height and width are padded, time brings its own history.
  const at::Tensor clip = window.unsqueeze(0).transpose(1, 2);
  return convolve(clip, weight_, bias_, {0, padding_, padding_}).squeeze(0).transpose(0, 1);
}

at::Tensor normalised_convolution(const ChannelNorm& norm, const CausalConvolution& convolution,
                                  const at::Tensor& frames, CausalHistory& history) {
  const at::Tensor window = convolution.window(frames, history);
  at::Tensor fresh = CausalConvolution::fresh(window);
  norm.write(frames, fresh);
  at::silu_(fresh);
  return convolution(window, history);
}

ResidualBlock::ResidualBlock(Loader& loader, const std::string& name, std::int64_t in, std::int64_t out)
    : norm1_(loader, name + ".norm1", in, 3),
      conv1_(loader, name + ".conv1", in, out, 3),
      norm2_(loader, name + ".norm2", out, 3),
      conv2_(loader, name + ".conv2", out, out, 3) {
  if (in != out) shortcut_.emplace_back(loader, name + ".conv_shortcut", in, out);
}

at::Tensor ResidualBlock::operator()(const at::Tensor& frames, CausalHistory& history) const {
  at::Tensor hidden = normalised_convolution(norm1_, conv1_, frames, history);
  hidden = normalised_convolution(norm2_, conv2_, hidden, history);
  return hidden.add_(shortcut_.empty() ? frames : shortcut_.front()(frames));
}

AttentionBlock::AttentionBlock(Loader& loader, const std::string& name, std::int64_t channels)
    : norm_(loader, name + ".norm", channels, 2),
      qkv_weight_(loader.take(name + ".to_qkv.weight", {3 * channels, channels, 1, 1}).flatten(1)),
      qkv_bias_(loader.take(name + ".to_qkv.bias", {3 * channels})),
      projection_weight_(loader.take(name + ".proj.weight", {channels, channels, 1, 1}).flatten(1)),
      projection_bias_(loader.take(name + ".proj.bias", {channels})) {}

at::Tensor AttentionBlock::operator()(const at::Tensor& frames) const {
  const std::int64_t count = frames.size(0), channels = frames.size(1), height = frames.size(2), width = frames.size(3);
  const at::Tensor normalised = new_frames(frames, count, channels, height, width);
  norm_.write(frames, normalised);
  const at::Tensor pixels = normalised.permute({0, 2, 3, 1}).view({count, 1, height * width, channels});
  const std::vector<at::Tensor> qkv = at::linear(pixels, qkv_weight_, qkv_bias_).chunk(3, -1);
  const at::Tensor attended = at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]);
  const at::Tensor projected = at::linear(attended, projection_weight_, projection_bias_);
  return projected.view({count, height, width, channels}).permute({0, 3, 1, 2}).add_(frames);
}

Upsampler::Upsampler(Loader& loader, const std::string& name, std::int64_t channels, bool doubles_time) {
  const at::Tensor stored = loader.take(name + ".resample.1.weight", {channels / 2, channels, 3, 3});
  // Which of the three taps fall on the earlier and on the later of two small pixels, for an even and an odd position.
  const at::Tensor taps = at::tensor({1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1}, stored.options()).view({2, 2, 3});
  std::vector<at::Tensor> positions;
  for (const int row : {0, 1}) {
    for (const int column : {0, 1}) positions.push_back(taps[row].matmul(stored).matmul(taps[column].t()));
  }
  weight_ = at::cat(positions).contiguous(at::MemoryFormat::ChannelsLast);
  bias_ = loader.take(name + ".resample.1.bias", {channels / 2}).repeat({4});
  if (doubles_time) time_.emplace_back(loader, name + ".time_conv", channels, 2 * channels, 1);
}

at::Tensor Upsampler::doubled_in_time(const at::Tensor& frames, CausalHistory& history) const {
  if (time_.empty()) return frames;
  // The clip's first frame stays single and never enters the convolution over time.
  const std::int64_t single = history.first_chunk ? 1 : 0, rest = frames.size(0) - single, channels = frames.size(1);
  if (rest == 0) return frames;
  const at::Tensor doubled = new_frames(frames, single + 2 * rest, channels, frames.size(2), frames.size(3));
  doubled.narrow(0, 0, single).copy_(frames.narrow(0, 0, single));
  const at::Tensor window = time_.front().window(frames.narrow(0, single, rest), history);
  CausalConvolution::fresh(window).copy_(frames.narrow(0, single, rest));
  const at::Tensor pairs = time_.front()(window, history).unflatten(1, {2, channels});
  doubled.narrow(0, single, 2 * rest).unflatten(0, {rest, 2}).copy_(pairs);
  return doubled;
}

at::Tensor Upsampler::operator()(const at::Tensor& frames, CausalHistory& history) const {
  const std::int64_t height = frames.size(2), width = frames.size(3), channels = frames.size(1) / 2;
  const at::Tensor small = doubled_in_time(frames, history);
  // Padded by one pixel all round: entry p of a side sees the pixels p - 1 and p.
  const at::Tensor positions = convolve(small, weight_, bias_, {1, 1});
  const at::Tensor enlarged = new_frames(frames, small.size(0), channels, 2 * height, 2 * width);
  const at::Tensor target = enlarged.view({small.size(0), channels, height, 2, width, 2});
  for (const int row : {0, 1}) {
    for (const int column : {0, 1}) {
      target.select(5, column).select(3, row).copy_(
          positions.narrow(1, (2 * row + column) * channels, channels).narrow(2, row, height).narrow(3, column, width));
    }
  }
  return enlarged;
}

}  // namespace ditto::wan_vae
