#include "apps/dit_bench/median.h"

#include <algorithm>
#include <cstddef>

namespace ditto {

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

}  // namespace ditto
