#include "caches/forecasters/differences.h"

#include <algorithm>

namespace ditto {

std::vector<std::vector<double>> backward_differences(std::span<const double> newest_first, int order) {
  const std::size_t count = std::min(newest_first.size(), static_cast<std::size_t>(order) + 1);
  // ending_at[k] is the current order's difference ending at position k.
  std::vector<std::vector<double>> ending_at(count, std::vector<double>(count, 0.0));
  for (std::size_t k = 0; k < count; ++k) ending_at[k][k] = 1;
  std::vector<std::vector<double>> newest;
  for (std::size_t done = 0; done < count; ++done) {
    newest.push_back(ending_at.front());
    for (std::size_t k = 0; k + done + 1 < count; ++k) {
      const double gap = newest_first[k] - newest_first[k + 1];
      for (std::size_t j = 0; j < count; ++j) ending_at[k][j] = (ending_at[k][j] - ending_at[k + 1][j]) / gap;
    }
  }
  return newest;
}

}  // namespace ditto
