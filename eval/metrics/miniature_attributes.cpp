#include "eval/metrics/miniature_attributes.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string>
#include <vector>

#include <ATen/TensorIndexing.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/median.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/tensor.h>

namespace ditto {
namespace {

using at::indexing::Slice;

const std::array<std::vector<std::string>, 5> kWords = {{{"red", "green", "blue", "yellow", "purple", "cyan"},
                                                         {"circle", "square", "triangle", "ring"},
                                                         {"small", "large"},
                                                         {"left", "right", "up", "down", "still"},
                                                         {"black", "gray", "white"}}};
enum Attribute : std::size_t { kColour, kShape, kSize, kMotion, kBackground };
enum Shape : int { kCircle, kSquare, kTriangle, kRing };
enum Motion : int { kLeft, kRight, kUp, kDown, kStill };

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

at::Tensor palette() {
  return at::tensor({0.9, -0.9, -0.9, -0.9, 0.5, -0.9, -0.9, -0.6, 0.9, 0.9, 0.8, -0.9, 0.3, -0.9, 0.6, -0.9, 0.7, 0.8},
                    at::kFloat)
      .view({6, 3});
}

int nearest_row(const at::Tensor& table, const at::Tensor& value) {
  return static_cast<int>((table - value).abs().sum(1).argmin().item<std::int64_t>());
}

at::Tensor median_of(const at::Tensor& values) { return std::get<0>(at::median(values, 0)); }

/// Median colour of the pixels at the frame's edges over all frames, [3].
at::Tensor ground_of(const at::Tensor& video, std::int64_t edge) {
  const std::vector<at::Tensor> borders = {video.index({Slice(), Slice(0, edge)}).reshape({-1, 3}),
                                           video.index({Slice(), Slice(-edge)}).reshape({-1, 3}),
                                           video.index({Slice(), Slice(), Slice(0, edge)}).reshape({-1, 3}),
                                           video.index({Slice(), Slice(), Slice(-edge)}).reshape({-1, 3})};
  return median_of(at::cat(borders));
}

struct Extent {
  std::int64_t first = 0, last = 0;
};

/// First and last line with at least two pixels, so that single stray pixels do not count.
std::optional<Extent> extent_of(const at::Tensor& counts) {
  const at::Tensor lines = at::nonzero(counts >= 2).flatten();
  if (lines.numel() == 0) return std::nullopt;
  return Extent{lines[0].item<std::int64_t>(), lines[-1].item<std::int64_t>()};
}

/// Shape and size from the object's mask [H,W] in the middle frame.
std::optional<std::pair<int, int>> read_shape(const at::Tensor& middle, double unit) {
  const std::optional<Extent> rows = extent_of(middle.sum(1)), columns = extent_of(middle.sum(0));
  if (!rows || !columns) return std::nullopt;
  const auto share = [&](std::int64_t top, std::int64_t bottom, std::int64_t left, std::int64_t right) {
    return middle.index({Slice(top, bottom + 1), Slice(left, right + 1)}).to(at::kFloat).mean().item<double>();
  };
  const double fill = share(rows->first, rows->last, columns->first, columns->last);
  const std::int64_t y = (rows->first + rows->last) / 2, x = (columns->first + columns->last) / 2;
  const std::int64_t reach = std::max<std::int64_t>(1, std::llrint(unit));
  const bool hollow = share(y - reach, y + reach, x - reach, x + reach) < 0.5;
  const int shape = hollow ? kRing : fill > 0.90 ? kSquare : fill < 0.66 ? kTriangle : kCircle;
  const auto sides = static_cast<double>(rows->last - rows->first + columns->last - columns->first + 2);
  return std::pair{shape, sides / 2 > 22 * unit ? 1 : 0};
}

/// Motion from the object's centres in the first and the last frame of its mask [T,H,W].
int read_motion(const at::Tensor& mask, double unit) {
  const at::Tensor moved = at::nonzero(mask[-1]).to(at::kFloat).mean(0) - at::nonzero(mask[0]).to(at::kFloat).mean(0);
  const double down = moved[0].item<double>(), right = moved[1].item<double>();
  if (std::max(std::abs(right), std::abs(down)) < 6 * unit) return kStill;
  if (std::abs(right) > std::abs(down)) return right > 0 ? kRight : kLeft;
  return down > 0 ? kDown : kUp;
}

bool is_visible(const at::Tensor& mask, const at::Tensor& middle, double unit) {
  const double area = unit * unit;
  return mask.sum().item<double>() >= 12 * static_cast<double>(mask.size(0)) * area &&
         middle.sum().item<double>() >= 20 * area && mask[0].any().item<bool>() && mask[-1].any().item<bool>();
}

}  // namespace

std::optional<MiniatureAttributes> caption_attributes(std::string_view prompt) {
  MiniatureAttributes attributes = {-1, -1, -1, -1, -1};
  for (std::string word : words_of(prompt)) {
    // "standing still", "that stays still", "not moving", "at rest"
    if (word == "not" || word == "rest") word = "still";
    for (std::size_t a = 0; a < kWords.size(); ++a) {
      const auto it = std::ranges::find(kWords[a], word);
      if (it == kWords[a].end()) continue;
      if (attributes[a] >= 0) return std::nullopt;
      attributes[a] = static_cast<int>(it - kWords[a].begin());
    }
  }
  if (std::ranges::find(attributes, -1) != attributes.end()) return std::nullopt;
  return attributes;
}

MiniatureAttributes read_attributes(const at::Tensor& frames) {
  const double unit = static_cast<double>(frames.size(1)) / 64;
  const at::Tensor video = frames.to(at::kFloat) / 127.5 - 1;
  const at::Tensor ground = ground_of(video, std::max<std::int64_t>(1, std::llrint(2 * unit)));
  const at::Tensor grounds = at::tensor({-0.85, -0.1, 0.85}, at::kFloat).view({3, 1});
  const at::Tensor distance = at::linalg_vector_norm(video - ground, 2, at::IntArrayRef{3});
  const at::Tensor mask = distance > 0.6, middle = mask[mask.size(0) / 2];
  MiniatureAttributes read = {-1, -1, -1, -1, nearest_row(grounds.expand({3, 3}), ground)};
  const auto shape = is_visible(mask, middle, unit) ? read_shape(middle, unit) : std::nullopt;
  if (!shape) return read;
  const at::Tensor pixels = video.index({mask}), far = distance.index({mask});
  read[kColour] = nearest_row(palette(), median_of(pixels.index({far >= at::median(far)})));
  std::tie(read[kShape], read[kSize]) = *shape;
  read[kMotion] = read_motion(mask, unit);
  return read;
}

}  // namespace ditto
