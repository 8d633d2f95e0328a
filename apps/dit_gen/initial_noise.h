#pragma once

#include <filesystem>

#include <ATen/core/Tensor.h>

namespace ditto {

/// The tensor "noise" of a safetensors file, fp32 [1, channels, frames, height, width], copied out of the file. Throws
/// Error(kBadInputFile) when there is none of that kind.
at::Tensor read_noise(const std::filesystem::path& path);

}  // namespace ditto
