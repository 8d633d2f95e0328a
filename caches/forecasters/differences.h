#pragma once

#include <span>
#include <vector>

namespace ditto {

/// Backward differences of a feature at the newest position, each as weights over the features there (newest first):
/// D0 = feature, D(i+1) = (D(i) now - D(i) before) / gap, where the gap is that of the two newest of the positions
/// involved. Orders that the positions do not support are absent.
std::vector<std::vector<double>> backward_differences(std::span<const double> newest_first, int order);

}  // namespace ditto
