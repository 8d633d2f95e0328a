#pragma once

#include <ATen/core/Tensor.h>

namespace ditto::kernels {

/// The low and the high spatial frequencies of `frames` [1, channels, frames, height, width] as one tensor [2, ...] in
/// its dtype; they sum to it. Low are the frequencies within floor(min(height, width) / 5) bins of zero in the 2-D
/// transform of every frame and channel (FasterCache, arXiv 2410.19355, section 3.3).
at::Tensor split_frequency_bands(const at::Tensor& frames);

}  // namespace ditto::kernels
