#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace ditto {

/// How much a feature differs between neighbouring frames, with what it is compared to; both are sums of absolute
/// values and can be added up over features.
struct Motion {
  double change = 0;
  double size = 0;
};

/// Of `feature` [1, tokens, channels] with `frames` equal runs of tokens: |A[f + 1] - A[f]| over |A[f + 1]| + |A[f]|
/// (AdaCache, arXiv 2411.02397, section 3.3).
Motion frame_motion(const at::Tensor& feature, std::int64_t frames);

}  // namespace ditto
