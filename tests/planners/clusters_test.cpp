#include "caches/planners/clusters.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace ditto {
namespace {

using Rows = std::vector<std::vector<double>>;

/// `count` rows around a point, the last one in this order.
Rows around(double x, double y, int count, std::mt19937& random) {
  Rows rows;
  for (int k = 0; k < count; ++k) {
    rows.push_back({x + static_cast<double>(random() % 1000) / 1000, y + static_cast<double>(random() % 1000) / 1000});
  }
  return rows;
}

TEST(Clusters, SeparateGroupsAndAreNumberedByAColumn) {
  std::mt19937 random(1);
  Rows rows = around(100, 0, 40, random);
  for (const Rows& more : {around(0, 50, 30, random), around(50, 100, 20, random)}) {
    rows.insert(rows.end(), more.begin(), more.end());
  }
  const Clustering by_first = cluster_rows(rows, 3, 0);
  ASSERT_EQ(by_first.count, 3);
  for (int k = 0; k < 90; ++k) {
    EXPECT_EQ(by_first.cluster_of_row[static_cast<std::size_t>(k)], k < 40 ? 2 : k < 70 ? 0 : 1);
  }
  const Clustering by_second = cluster_rows(rows, 3, 1);
  EXPECT_EQ(by_second.cluster_of_row.front(), 0);
  EXPECT_EQ(by_second.cluster_of_row.back(), 2);
  EXPECT_EQ(by_first.inertia, by_second.inertia);
}

TEST(Clusters, ColumnsCountAlikeWhateverTheirUnit) {
  // Unscaled, the second column alone would decide.
  Rows rows;
  for (int k = 0; k < 20; ++k) rows.push_back({k < 10 ? 0.0 : 1.0, 1e6 * (k % 2), k < 10 ? 0.0 : 1.0, 7});
  const Clustering clustering = cluster_rows(rows, 2, 0);
  for (int k = 0; k < 20; ++k) EXPECT_EQ(clustering.cluster_of_row[static_cast<std::size_t>(k)], k < 10 ? 0 : 1);
}

TEST(Clusters, AreAtMostAsManyAsRowsDiffer) {
  const Rows equal(5, {1, 2});
  EXPECT_EQ(cluster_rows(equal, 3, 0).count, 1);
  EXPECT_EQ(cluster_rows({{0}, {1}, {1}, {0}}, 16, 0).cluster_of_row, (std::vector<int>{0, 1, 1, 0}));
  EXPECT_EQ(cluster_rows({{5, 1}}, 2, 0).cluster_of_row, std::vector<int>{0});
  EXPECT_EQ(cluster_rows({}, 2, 0).count, 0);
}

TEST(Clusters, AreTheSameEveryTime) {
  std::mt19937 random(7);
  const Rows rows = around(0, 0, 200, random);
  const Clustering once = cluster_rows(rows, 5, 0);
  EXPECT_EQ(once.cluster_of_row, cluster_rows(rows, 5, 0).cluster_of_row);
  EXPECT_EQ(std::set<int>(once.cluster_of_row.begin(), once.cluster_of_row.end()).size(), 5U);
}

}  // namespace
}  // namespace ditto
