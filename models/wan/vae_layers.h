#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "io/weights.h"

/// Layers of Wan's video decoder. "Frames" are one clip's activations [T,C,H,W], channels last in memory: the channels
/// of a pixel lie together, so norms run along memory and convolutions over time see consecutive frames without copies.
namespace ditto::wan_vae {

/// Takes the decoder's weights as fp32, numbers its causal convolutions and counts bytes.
class Loader {
 public:
  Loader(WeightSet& weights, c10::Device device) : weights_(weights), device_(device) {}

  at::Tensor take(const std::string& name, at::IntArrayRef shape);
  int next_causal_convolution() { return causal_convolutions_++; }
  int causal_convolutions() const { return causal_convolutions_; }
  std::int64_t bytes() const { return bytes_; }

 private:
  WeightSet& weights_;
  c10::Device device_;
  int causal_convolutions_ = 0;
  std::int64_t bytes_ = 0;
};

/// What the convolutions over time remember between the chunks of a clip: their last two input frames.
struct CausalHistory {
  std::vector<at::Tensor> frames;  ///< one entry per causal convolution; undefined stands for zeros
  bool first_chunk = true;
  bool last_chunk = false;  ///< nothing needs to be remembered
};

/// x / max(|x|, 1e-12) * sqrt(C) * gamma, the norm taken over the channels of each pixel.
class ChannelNorm {
 public:
  ChannelNorm(Loader& loader, const std::string& name, std::int64_t channels, std::int64_t trailing_dims);

  /// Writes the normalised frames to `out`, frames of the same shape.
  void write(const at::Tensor& frames, const at::Tensor& out) const;

 private:
  at::Tensor gamma_;  // [C,1,1]
  double scale_;
};

/// A 1x1x1 convolution: a linear map of every pixel's channels.
class PixelConvolution {
 public:
  PixelConvolution(Loader& loader, const std::string& name, std::int64_t in, std::int64_t out);
  at::Tensor operator()(const at::Tensor& frames) const;

 private:
  at::Tensor weight_;
  at::Tensor bias_;
};

/// A convolution over three frames, the present and the two before it, kernel 1 or 3 in space.
class CausalConvolution {
 public:
  CausalConvolution(Loader& loader, const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel);

  /// Uninitialised room for `like`'s frames behind the two remembered ones; the caller fills `fresh(window)`.
  at::Tensor window(const at::Tensor& like, const CausalHistory& history) const;
  static at::Tensor fresh(const at::Tensor& window);

  /// The result for the fresh frames; remembers the last two.
  at::Tensor operator()(const at::Tensor& window, CausalHistory& history) const;

 private:
  int slot_;
  at::Tensor weight_;
  at::Tensor bias_;
  std::int64_t padding_;
};

/// Twice norm, SiLU and causal convolution, added to the input.
class ResidualBlock {
 public:
  ResidualBlock(Loader& loader, const std::string& name, std::int64_t in, std::int64_t out);
  at::Tensor operator()(const at::Tensor& frames, CausalHistory& history) const;

 private:
  ChannelNorm norm1_;
  CausalConvolution conv1_;
  ChannelNorm norm2_;
  CausalConvolution conv2_;
  std::vector<PixelConvolution> shortcut_;  // empty when the width stays
};

/// Self-attention with one head over the pixels of each frame, added to the input.
class AttentionBlock {
 public:
  AttentionBlock(Loader& loader, const std::string& name, std::int64_t channels);
  at::Tensor operator()(const at::Tensor& frames) const;

 private:
  ChannelNorm norm_;
  at::Tensor qkv_weight_, qkv_bias_;
  at::Tensor projection_weight_, projection_bias_;
};

/// Doubles height and width and halves the channels; with `doubles_time`, every frame but the clip's first becomes two.
///
/// Stored as nearest-neighbour enlargement and a 3x3 convolution, whose nine taps meet only four different pixels of
/// the small frame: run as a 2x2 convolution on the small frame with one set of channels for each of the four positions
/// in the enlarged one (4/9 of the multiplications, nothing enlarged).
class Upsampler {
 public:
  Upsampler(Loader& loader, const std::string& name, std::int64_t channels, bool doubles_time);
  at::Tensor operator()(const at::Tensor& frames, CausalHistory& history) const;

 private:
  at::Tensor doubled_in_time(const at::Tensor& frames, CausalHistory& history) const;

  std::vector<CausalConvolution> time_;  // empty without doubling of time
  at::Tensor weight_;                    // [4 * channels / 2, channels, 2, 2], positions outermost
  at::Tensor bias_;
};

/// SiLU of the norm, then the convolution: how every causal convolution but the first and those of time is fed.
at::Tensor normalised_convolution(const ChannelNorm& norm, const CausalConvolution& convolution,
                                  const at::Tensor& frames, CausalHistory& history);

}  // namespace ditto::wan_vae
