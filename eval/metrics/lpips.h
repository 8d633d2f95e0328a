#pragma once

#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace ditto {

enum class LpipsNetwork : std::uint8_t { kAlex, kVgg, kSqueeze };

/// LPIPS v0.1 (Zhang et al. 2018, arXiv 1801.03924): distance of unit-normalised features of an ImageNet network,
/// weighted by trained heads.
class Lpips {
 public:
  /// Weights as weights_scripts/lpips/fetch.py writes them; throws Error(kBadInputFile) beginning with `source` when
  /// one is missing or has another shape.
  Lpips(LpipsNetwork network, const std::map<std::string, at::Tensor>& weights, const std::string& source);

  /// The network of `<folder>/<name>.safetensors`.
  static Lpips load(LpipsNetwork network, const std::string& folder);

  /// Distance of one pair of frames: `mean` averages each layer's map, `spatial` enlarges the maps to the frame
  /// (bilinear) before they are added and averaged.
  struct Distance {
    double mean = 0;
    double spatial = 0;
  };
  /// Clips are uint8 [T,H,W,3] of one shape with sides of at least smallest_side(), else Error(kUsage).
  std::vector<Distance> per_frame(const at::Tensor& reference, const at::Tensor& candidate) const;

  int smallest_side() const;

 private:
  struct Convolution {
    at::Tensor weight, bias;
  };
  std::vector<at::Tensor> features(const at::Tensor& frame) const;
  std::vector<at::Tensor> alex_features(at::Tensor x) const;
  std::vector<at::Tensor> vgg_features(at::Tensor x) const;
  std::vector<at::Tensor> squeeze_features(at::Tensor x) const;
  at::Tensor fire(const at::Tensor& x, std::size_t first) const;

  LpipsNetwork network_;
  std::vector<Convolution> trunk_;
  std::vector<at::Tensor> heads_;  // [1, channels, 1, 1]
};

/// "alex", "vgg", "squeeze".
std::string lpips_name(LpipsNetwork network);

/// The folder in which the weights are looked for: data_folder("lpips").
std::string lpips_folder();

}  // namespace ditto
