#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace ditto {

/// How much a feature [1, tokens, channels] of `frames` equal runs of tokens differs between neighbouring frames: the
/// sum of |A[f + 1] - A[f]| over that of |A[f + 1]| + |A[f]| (AdaCache, arXiv 2411.02397). NaN for a single frame.
double frame_motion(const at::Tensor& feature, std::int64_t frames);

}  // namespace ditto
