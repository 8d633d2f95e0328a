#include "caches/profiling/foreground_mask.h"

#include <algorithm>
#include <span>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace ditto {
namespace {

constexpr int kBins = 256;
constexpr double kLargestShare = 0.9;

/// [frames, height, width]: projection of every position on the direction of largest variance.
at::Tensor first_component(const at::Tensor& prediction) {
  const at::Tensor rows = prediction.squeeze(0).flatten(1).to(at::kCPU, at::kDouble);
  const at::Tensor centred = rows - rows.mean({1}, /*keepdim=*/true);
  // Eigenvalues come in ascending order.
  const at::Tensor directions = std::get<1>(at::linalg_eigh(at::matmul(centred, centred.t())));
  const at::Tensor largest = directions.select(1, directions.size(1) - 1);
  return at::matmul(largest, centred).view({prediction.size(2), prediction.size(3), prediction.size(4)});
}

/// Counts of true cells over a frame's border, and of the border's cells.
bool covers_most_of_border(const at::Tensor& frame) {
  const auto cells = frame.accessor<bool, 2>();
  const std::int64_t height = frame.size(0), width = frame.size(1);
  std::int64_t covered = 0, border = 0;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      if (y != 0 && x != 0 && y != height - 1 && x != width - 1) continue;
      ++border;
      covered += cells[y][x] ? 1 : 0;
    }
  }
  return 2 * covered > border;
}

/// Every cell becomes what most cells of its 3 x 3 neighbourhood inside the frame are; at a tie it stays.
at::Tensor majority(const at::Tensor& frame) {
  const auto cells = frame.accessor<bool, 2>();
  at::Tensor smoothed = frame.clone();
  auto result = smoothed.accessor<bool, 2>();
  const std::int64_t height = frame.size(0), width = frame.size(1);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      std::int64_t votes = 0;
      for (std::int64_t v = std::max<std::int64_t>(y - 1, 0); v < std::min(y + 2, height); ++v) {
        for (std::int64_t u = std::max<std::int64_t>(x - 1, 0); u < std::min(x + 2, width); ++u) {
          votes += cells[v][u] ? 1 : -1;
        }
      }
      if (votes != 0) result[y][x] = votes > 0;
    }
  }
  return smoothed;
}

at::Tensor frame_mask(const at::Tensor& component) {
  const at::Tensor lowest = component.min(), range = component.max() - lowest;
  if (!(range.item<double>() > 0)) return at::zeros_like(component, at::kBool);
  const at::Tensor scaled = (component - lowest) / range;
  at::Tensor mask = scaled > otsu_threshold(scaled);
  if (covers_most_of_border(mask)) mask = mask.logical_not();
  return majority(mask);
}

/// A token is foreground when at least half of its elements are.
at::Tensor pool_to_tokens(const at::Tensor& mask, const std::array<int, 3>& patch) {
  const auto& [frames, height, width] = patch;
  return mask.to(at::kDouble)
             .view({mask.size(0) / frames, frames, mask.size(1) / height, height, mask.size(2) / width, width})
             .mean({1, 3, 5}) >= 0.5;
}

}  // namespace

double otsu_threshold(const at::Tensor& values) {
  std::vector<double> histogram(kBins, 0);
  const at::Tensor flat = values.to(at::kDouble).contiguous().view(-1);
  for (const double value : std::span(flat.const_data_ptr<double>(), static_cast<std::size_t>(flat.numel()))) {
    ++histogram[static_cast<std::size_t>(std::clamp(static_cast<int>(value * kBins), 0, kBins - 1))];
  }
  double total = 0, sum = 0;
  for (int bin = 0; bin < kBins; ++bin) {
    total += histogram[static_cast<std::size_t>(bin)];
    sum += bin * histogram[static_cast<std::size_t>(bin)];
  }
  double below = 0, sum_below = 0, best = -1;
  int cut = 0;
  for (int bin = 0; bin < kBins - 1; ++bin) {
    below += histogram[static_cast<std::size_t>(bin)];
    sum_below += bin * histogram[static_cast<std::size_t>(bin)];
    const double above = total - below;
    if (below == 0 || above == 0) continue;
    const double distance = sum_below / below - (sum - sum_below) / above;
    const double variance = below * above * distance * distance;
    if (variance > best) {
      best = variance;
      cut = bin;
    }
  }
  return static_cast<double>(cut + 1) / kBins;
}

at::Tensor foreground_mask(const at::Tensor& prediction, const std::array<int, 3>& patch) {
  std::vector<at::Tensor> frames;
  for (const at::Tensor& frame : first_component(prediction).unbind(0)) frames.push_back(frame_mask(frame));
  const at::Tensor tokens = pool_to_tokens(at::stack(frames), patch);
  for (const at::Tensor& frame : tokens.unbind(0)) {
    const double share = frame.to(at::kDouble).mean().item<double>();
    if (share > kLargestShare) frame.zero_();
  }
  return tokens;
}

}  // namespace ditto
