#pragma once

#include <vector>

namespace ditto {

/// The upper median of at least one value.
double median(std::vector<double> values);

}  // namespace ditto
