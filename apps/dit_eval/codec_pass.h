#pragma once

#include <string>

#include <ATen/core/Tensor.h>

namespace ditto {

/// The rate factor of "crf=25". Throws Error(kUsage) naming `option` for anything else than 0 to 51.
double parse_crf(const std::string& option, const std::string& text);

/// Frames uint8 [T,H,W,3] as they come back from an mp4 of that rate factor, which is libx264's: without that encoder
/// Error(kUsage), for other encoders mean something else by it.
at::Tensor through_codec(const at::Tensor& frames, double crf);

}  // namespace ditto
