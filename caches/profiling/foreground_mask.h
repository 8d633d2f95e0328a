#pragma once

#include <array>

#include <ATen/core/Tensor.h>

namespace ditto {

/// Which tokens show the foreground, from a prediction [1, channels, frames, height, width]: bool [frames, height,
/// width] of the token grid (`patch` elements of the latent make a token). The first principal component over the
/// channels is cut in two in every frame by Otsu's threshold; the part with less of the frame's border is the
/// foreground, smoothed by a 3 x 3 majority. Frames in which no token, or more than 90 % of them, would be foreground
/// are left empty.
at::Tensor foreground_mask(const at::Tensor& prediction, const std::array<int, 3>& patch);

/// The threshold between 0 and 1 that separates values between 0 and 1 into two classes with the largest variance
/// between them (Otsu 1979, 256 bins); values above it are one class.
double otsu_threshold(const at::Tensor& values);

}  // namespace ditto
