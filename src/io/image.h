#pragma once

#include <cstdint>
#include <filesystem>

#include <ATen/core/Tensor.h>

#include "io/atomic_file.h"

namespace ditto {

/// Largest picture `read_image` decodes, in pixels.
inline constexpr std::int64_t kMaxImagePixels = std::int64_t{1} << 26;

/// Largest size of decoded frames that `read_frames` accepts unless told otherwise.
inline constexpr std::int64_t kMaxFrameBytes = std::int64_t{8} << 30;

/// Writes a uint8 picture [H,W,3] (RGB, CPU) as PNG; the file appears complete or not at all. Equal pictures give equal
/// bytes. Throws Error(kOutputFailed).
void write_image(const std::filesystem::path& path, const at::Tensor& image, Existing existing = Existing::kReplace);

/// A PNG as uint8 [H,W,3], RGB: grey is repeated, an opaque alpha channel dropped. Throws Error(kBadInputFile) for a
/// missing, truncated or damaged file, for 16 bits per channel, transparency, and more than `kMaxImagePixels`.
at::Tensor read_image(const std::filesystem::path& path);

/// Writes uint8 frames [T,H,W,3] as frame_0000.png, frame_0001.png and so on into a folder that appears complete or not
/// at all. Under `kReplace` an existing folder gives way if it holds nothing but PNG files; under `kKeep` only an empty
/// one does. Throws Error(kOutputFailed).
void write_frames(const std::filesystem::path& folder, const at::Tensor& frames,
                  Existing existing = Existing::kReplace);

/// The PNG files of a folder as frames [T,H,W,3], in the order of their names, numbers by value. Throws
/// Error(kBadInputFile) when there are none, their sizes differ, one cannot be read, or they exceed `max_bytes`.
at::Tensor read_frames(const std::filesystem::path& folder, std::int64_t max_bytes = kMaxFrameBytes);

}  // namespace ditto
