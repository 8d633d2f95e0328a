#include "caches/planners/clusters.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace ditto {
namespace {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

constexpr int kStarts = 10;
constexpr int kIterations = 100;
constexpr std::uint64_t kSeed = 0;

double squared_distance(const Row& a, const Row& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

/// Columns with mean 0 and variance 1; constant ones are dropped.
Rows z_scored(const Rows& rows) {
  Rows scored(rows.size());
  const auto count = static_cast<double>(rows.size());
  for (std::size_t column = 0; column < rows.front().size(); ++column) {
    double sum = 0, squares = 0;
    for (const Row& row : rows) sum += row[column];
    const double mean = sum / count;
    for (const Row& row : rows) squares += (row[column] - mean) * (row[column] - mean);
    const double deviation = std::sqrt(squares / count);
    if (!(deviation > 1e-12 * std::abs(mean))) continue;
    for (std::size_t k = 0; k < rows.size(); ++k) scored[k].push_back((rows[k][column] - mean) / deviation);
  }
  return scored;
}

/// A number in [0, 1) that is the same on every platform, unlike that of std::uniform_real_distribution.
double draw(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

/// k-means++: each further centre is a row drawn in proportion to its squared distance from the centres so far.
Rows first_centres(const Rows& rows, int clusters, std::mt19937_64& random) {
  Rows centres = {rows[static_cast<std::size_t>(draw(random) * static_cast<double>(rows.size()))]};
  std::vector<double> nearest(rows.size(), std::numeric_limits<double>::infinity());
  while (static_cast<int>(centres.size()) < clusters) {
    for (std::size_t k = 0; k < rows.size(); ++k) {
      nearest[k] = std::min(nearest[k], squared_distance(rows[k], centres.back()));
    }
    double left = draw(random) * std::accumulate(nearest.begin(), nearest.end(), 0.0);
    std::size_t chosen = rows.size();
    for (std::size_t k = 0; k < rows.size(); ++k) {
      if (nearest[k] <= 0) continue;
      chosen = k;
      if ((left -= nearest[k]) < 0) break;
    }
    if (chosen == rows.size()) break;  // every row is a centre
    centres.push_back(rows[chosen]);
  }
  return centres;
}

/// Sorts every row to its nearest centre.
Clustering sorted_to(const Rows& centres, const Rows& rows) {
  Clustering clustering;
  clustering.count = static_cast<int>(centres.size());
  for (const Row& row : rows) {
    int best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < centres.size(); ++c) {
      const double distance = squared_distance(row, centres[c]);
      if (distance < least) {
        least = distance;
        best = static_cast<int>(c);
      }
    }
    clustering.cluster_of_row.push_back(best);
    clustering.inertia += least;
  }
  return clustering;
}

/// Moves every centre to the mean of its rows; one without rows stays.
void move_centres(Rows& centres, const Rows& rows, const std::vector<int>& cluster_of_row) {
  for (std::size_t c = 0; c < centres.size(); ++c) {
    Row sum(centres[c].size(), 0.0);
    int members = 0;
    for (std::size_t k = 0; k < rows.size(); ++k) {
      if (cluster_of_row[k] != static_cast<int>(c)) continue;
      ++members;
      for (std::size_t column = 0; column < sum.size(); ++column) sum[column] += rows[k][column];
    }
    for (std::size_t column = 0; members > 0 && column < sum.size(); ++column) {
      centres[c][column] = sum[column] / members;
    }
  }
}

Clustering start_and_settle(const Rows& rows, int clusters, std::mt19937_64& random) {
  Rows centres = first_centres(rows, clusters, random);
  Clustering clustering = sorted_to(centres, rows);
  for (int iteration = 0; iteration < kIterations; ++iteration) {
    move_centres(centres, rows, clustering.cluster_of_row);
    Clustering next = sorted_to(centres, rows);
    const bool settled = next.cluster_of_row == clustering.cluster_of_row;
    clustering = std::move(next);
    if (settled) break;
  }
  return clustering;
}

/// Numbers the clusters that have rows by the ascending mean of a column.
void renumber(Clustering& clustering, const Rows& rows, std::size_t column) {
  const auto count = static_cast<std::size_t>(clustering.count);
  std::vector<double> sums(count, 0.0);
  std::vector<int> members(count, 0);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const auto cluster = static_cast<std::size_t>(clustering.cluster_of_row[k]);
    sums[cluster] += rows[k][column];
    ++members[cluster];
  }
  std::vector<std::size_t> order;
  for (std::size_t c = 0; c < count; ++c) {
    if (members[c] > 0) order.push_back(c);
  }
  std::ranges::stable_sort(order, {}, [&](std::size_t c) { return sums[c] / members[c]; });
  std::vector<int> number(count, 0);
  for (std::size_t place = 0; place < order.size(); ++place) number[order[place]] = static_cast<int>(place);
  for (int& cluster : clustering.cluster_of_row) cluster = number[static_cast<std::size_t>(cluster)];
  clustering.count = static_cast<int>(order.size());
}

}  // namespace

Clustering cluster_rows(const std::vector<std::vector<double>>& rows, int clusters, int order_column) {
  if (rows.empty()) return {};
  const Rows scored = z_scored(rows);
  std::mt19937_64 random(kSeed);
  Clustering best = start_and_settle(scored, clusters, random);
  for (int start = 1; start < kStarts; ++start) {
    Clustering other = start_and_settle(scored, clusters, random);
    if (other.inertia < best.inertia) best = std::move(other);
  }
  renumber(best, rows, static_cast<std::size_t>(order_column));
  return best;
}

}  // namespace ditto
