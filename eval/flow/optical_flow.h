#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace ditto {

/// Mean length in pixels of the dense optical flow (Farneback) between neighbouring frames of uint8 [T,H,W,3].
///
/// OpenCV's video module cannot be linked beside sentencepiece (two protobuf runtimes clash before main), so it lives
/// in a module of its own that is opened on first use with its symbols kept to itself. Throws Error(kInternal) when the
/// module is missing.
std::vector<double> mean_flow_lengths(const at::Tensor& frames);

}  // namespace ditto
