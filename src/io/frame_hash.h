#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace ditto {

/// SHA-256, as 64 lower-case hex digits, of the raw RGB bytes of uint8 frames [T,H,W,3] on the CPU, frame after frame
/// in row-major order. The shape is not part of it.
std::string frame_hash(const at::Tensor& frames);

}  // namespace ditto
