#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <ATen/core/Tensor.h>

namespace ditto {

/// Something to compare: frames uint8 [T,H,W,3] of a video, a folder of PNG files, a single PNG or the tensor
/// `frames` of a safetensors file, or the tensor `latents` of one.
struct ClipSource {
  std::filesystem::path path;
  at::Tensor frames;   ///< undefined for latents
  at::Tensor latents;  ///< undefined for frames
  std::optional<double> fps;

  /// Throws Error(kBadInputFile) for a file that is none of these.
  static ClipSource read(const std::filesystem::path& path);
};

/// Cuts the longer clip's end where `align` is set. Throws Error(kUsage) naming both sides when frame counts or rates
/// differ otherwise, when sizes or shapes differ, when frames meet latents, and for `align` on latents.
void make_comparable(ClipSource& reference, ClipSource& candidate, bool align);

}  // namespace ditto
