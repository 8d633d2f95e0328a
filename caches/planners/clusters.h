#pragma once

#include <vector>

namespace ditto {

/// Rows sorted into clusters 0 to count - 1, none of them empty.
struct Clustering {
  std::vector<int> cluster_of_row;
  int count = 0;
  double inertia = 0;  ///< sum of squared distances to the centres, over z-scored columns
};

/// k-means over rows of equal length, each column z-scored (columns without variance are left out): k-means++ from a
/// fixed seed, the best of ten starts of at most a hundred iterations. Equal inputs give equal clusters on every
/// machine. Clusters are numbered by the ascending mean of `order_column`. There are fewer than `clusters` where the
/// rows do not differ enough.
Clustering cluster_rows(const std::vector<std::vector<double>>& rows, int clusters, int order_column);

}  // namespace ditto
