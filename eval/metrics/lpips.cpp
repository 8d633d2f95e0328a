#include "eval/metrics/lpips.h"

#include <array>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <c10/core/InferenceMode.h>

#include <fmt/format.h>

#include "core/error.h"
#include "eval/metrics/metric_result.h"
#include "io/data_folder.h"
#include "io/non_finite.h"
#include "io/safetensors.h"

namespace ditto {
namespace {

constexpr double kEpsilon = 1e-10;

struct Layout {
  std::vector<std::string> weights, biases;        ///< names in the file, in order of execution
  std::vector<std::array<std::int64_t, 3>> sizes;  ///< out, in, kernel
  std::vector<std::int64_t> heads;
};

Layout sequential(const std::vector<std::array<std::int64_t, 3>>& sizes, std::vector<std::int64_t> heads) {
  Layout layout{{}, {}, sizes, std::move(heads)};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    layout.weights.push_back(fmt::format("trunk.{}.kernel", i));
    layout.biases.push_back(fmt::format("trunk.{}.bias", i));
  }
  return layout;
}

/// SqueezeNet 1.1 in torchvision's names: a convolution and eight fire modules of three.
Layout squeeze_layout() {
  Layout layout{{"features.0.weight"}, {"features.0.bias"}, {{64, 3, 3}}, {64, 128, 256, 384, 384, 512, 512}};
  const std::array<std::array<std::int64_t, 4>, 8> fires = {{{3, 64, 16, 64},
                                                             {4, 128, 16, 64},
                                                             {6, 128, 32, 128},
                                                             {7, 256, 32, 128},
                                                             {9, 256, 48, 192},
                                                             {10, 384, 48, 192},
                                                             {11, 384, 64, 256},
                                                             {12, 512, 64, 256}}};
  for (const auto& [index, in, squeeze, expand] : fires) {
    const std::array<std::pair<const char*, std::array<std::int64_t, 3>>, 3> parts = {
        {{"squeeze", {squeeze, in, 1}}, {"expand1x1", {expand, squeeze, 1}}, {"expand3x3", {expand, squeeze, 3}}}};
    for (const auto& [part, sizes] : parts) {
      layout.weights.push_back(fmt::format("features.{}.{}.weight", index, part));
      layout.biases.push_back(fmt::format("features.{}.{}.bias", index, part));
      layout.sizes.push_back(sizes);
    }
  }
  return layout;
}

Layout layout_of(LpipsNetwork network) {
  switch (network) {
    case LpipsNetwork::kAlex:
      return sequential({{64, 3, 11}, {192, 64, 5}, {384, 192, 3}, {256, 384, 3}, {256, 256, 3}},
                        {64, 192, 384, 256, 256});
    case LpipsNetwork::kVgg:
      return sequential({{64, 3, 3},
                         {64, 64, 3},
                         {128, 64, 3},
                         {128, 128, 3},
                         {256, 128, 3},
                         {256, 256, 3},
                         {256, 256, 3},
                         {512, 256, 3},
                         {512, 512, 3},
                         {512, 512, 3},
                         {512, 512, 3},
                         {512, 512, 3},
                         {512, 512, 3}},
                        {64, 128, 256, 512, 512});
    default:
      return squeeze_layout();
  }
}

const at::Tensor& take(const std::map<std::string, at::Tensor>& weights, const std::string& name, at::IntArrayRef sizes,
                       const std::string& source) {
  const auto it = weights.find(name);
  if (it != weights.end() && it->second.sizes() == sizes && it->second.scalar_type() == at::kFloat) {
    if (!has_non_finite(it->second.contiguous())) return it->second;
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: '{}' has NaN or infinite values; accepted: finite ones", source, name));
  }
  throw Error(
      ExitCode::kBadInputFile,
      fmt::format("{}: '{}' is missing or of another shape; accepted: fp32 [{}], as weights_scripts/lpips/fetch.py "
                  "writes it",
                  source, name, fmt::join(sizes, ", ")));
}

/// Pixels as the networks were trained: [1,3,H,W], shifted and scaled.
at::Tensor normalised(const at::Tensor& frame) {
  const at::Tensor shift = at::tensor({-.030, -.088, -.188}, at::kFloat).view({1, 3, 1, 1});
  const at::Tensor scale = at::tensor({.458, .448, .450}, at::kFloat).view({1, 3, 1, 1});
  const at::Tensor pixels = frame.permute({2, 0, 1}).unsqueeze(0).to(at::kFloat) / 127.5 - 1;
  return ((pixels - shift) / scale).contiguous();
}

at::Tensor unit_normalised(const at::Tensor& features) {
  return features / (at::linalg_vector_norm(features, 2, at::IntArrayRef{1}, /*keepdim=*/true) + kEpsilon);
}

at::Tensor pool(const at::Tensor& x, std::int64_t kernel, bool ceil = false) {
  return at::max_pool2d(x, {kernel, kernel}, {2, 2}, {0, 0}, {1, 1}, ceil);
}

}  // namespace

std::string lpips_name(LpipsNetwork network) {
  return network == LpipsNetwork::kAlex ? "alex" : network == LpipsNetwork::kVgg ? "vgg" : "squeeze";
}

std::string lpips_folder() { return data_folder("lpips").string(); }

Lpips::Lpips(LpipsNetwork network, const std::map<std::string, at::Tensor>& weights, const std::string& source)
    : network_(network) {
  const Layout layout = layout_of(network);
  for (std::size_t i = 0; i < layout.sizes.size(); ++i) {
    const auto& [out, in, kernel] = layout.sizes[i];
    // Archives of trunks with heads keep their kernels as [height, width, in, out].
    const at::Tensor weight =
        network == LpipsNetwork::kSqueeze
            ? take(weights, layout.weights[i], {out, in, kernel, kernel}, source)
            : take(weights, layout.weights[i], {kernel, kernel, in, out}, source).permute({3, 2, 0, 1});
    trunk_.push_back({weight.contiguous(), take(weights, layout.biases[i], {out}, source)});
  }
  for (std::size_t i = 0; i < layout.heads.size(); ++i) {
    const std::int64_t channels = layout.heads[i];
    heads_.push_back(take(weights, fmt::format("head.{}", i), {1, 1, channels, 1}, source).view({1, channels, 1, 1}));
  }
}

Lpips Lpips::load(LpipsNetwork network, const std::string& folder) {
  const SafetensorsFile file(std::filesystem::path(folder) / (lpips_name(network) + ".safetensors"));
  std::map<std::string, at::Tensor> weights;
  for (const std::string& name : file.names()) weights[name] = file.tensor(name);
  return {network, weights, file.path().string()};
}

int Lpips::smallest_side() const {
  return network_ == LpipsNetwork::kAlex ? 31 : network_ == LpipsNetwork::kVgg ? 16 : 17;
}

std::vector<at::Tensor> Lpips::alex_features(at::Tensor x) const {
  std::vector<at::Tensor> taps;
  for (std::size_t i = 0; i < trunk_.size(); ++i) {
    if (i == 1 || i == 2) x = pool(x, 3);
    const std::int64_t stride = i == 0 ? 4 : 1, padding = i < 2 ? 2 : 1;
    x = at::relu(at::conv2d(x, trunk_[i].weight, trunk_[i].bias, {stride, stride}, at::IntArrayRef{padding, padding}));
    taps.push_back(x);
  }
  return taps;
}

std::vector<at::Tensor> Lpips::vgg_features(at::Tensor x) const {
  std::vector<at::Tensor> taps;
  for (std::size_t i = 0; i < trunk_.size(); ++i) {
    if (i == 2 || i == 4 || i == 7 || i == 10) x = pool(x, 2);
    x = at::relu(at::conv2d(x, trunk_[i].weight, trunk_[i].bias, {1, 1}, at::IntArrayRef{1, 1}));
    if (i == 1 || i == 3 || i == 6 || i == 9 || i == 12) taps.push_back(x);
  }
  return taps;
}

at::Tensor Lpips::fire(const at::Tensor& x, std::size_t first) const {
  const auto convolve = [&](const at::Tensor& input, std::size_t index, std::int64_t padding) {
    return at::relu(
        at::conv2d(input, trunk_[index].weight, trunk_[index].bias, {1, 1}, at::IntArrayRef{padding, padding}));
  };
  const at::Tensor squeezed = convolve(x, first, 0);
  return at::cat({convolve(squeezed, first + 1, 0), convolve(squeezed, first + 2, 1)}, 1);
}

std::vector<at::Tensor> Lpips::squeeze_features(at::Tensor x) const {
  std::vector<at::Tensor> taps;
  x = at::relu(at::conv2d(x, trunk_[0].weight, trunk_[0].bias, {2, 2}));
  taps.push_back(x);
  for (std::size_t module = 0; module < 8; ++module) {
    if (module == 0 || module == 2 || module == 4) x = pool(x, 3, /*ceil=*/true);
    x = fire(x, 1 + 3 * module);
    if (module != 0 && module != 2) taps.push_back(x);
  }
  return taps;
}

std::vector<at::Tensor> Lpips::features(const at::Tensor& frame) const {
  const at::Tensor x = normalised(frame);
  switch (network_) {
    case LpipsNetwork::kAlex:
      return alex_features(x);
    case LpipsNetwork::kVgg:
      return vgg_features(x);
    default:
      return squeeze_features(x);
  }
}

std::vector<Lpips::Distance> Lpips::per_frame(const at::Tensor& reference, const at::Tensor& candidate) const {
  const std::string metric = "lpips-" + lpips_name(network_);
  check_comparable(metric, reference, candidate);
  const std::int64_t height = reference.size(1), width = reference.size(2);
  if (std::min(height, width) < smallest_side()) {
    throw Error(ExitCode::kUsage,
                fmt::format("{}: undefined for frames of {}x{} pixels; accepted are sides of at least {} pixels",
                            metric, width, height, smallest_side()));
  }
  const c10::InferenceMode inference;
  std::vector<Distance> distances;
  for (std::int64_t frame = 0; frame < reference.size(0); ++frame) {
    const std::vector<at::Tensor> a = features(reference[frame]), b = features(candidate[frame]);
    Distance distance;
    for (std::size_t tap = 0; tap < a.size(); ++tap) {
      const at::Tensor difference = unit_normalised(a[tap]) - unit_normalised(b[tap]);
      const at::Tensor map = (difference * difference * heads_[tap]).sum(1, /*keepdim=*/true);
      distance.mean += map.mean(at::kDouble).item<double>();
      distance.spatial += at::upsample_bilinear2d(map, {height, width}, false).mean(at::kDouble).item<double>();
    }
    distances.push_back(distance);
  }
  return distances;
}

}  // namespace ditto
