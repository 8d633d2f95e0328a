#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "caches/planners/cheapest.h"
#include "caches/planners/lexicographic.h"
#include "core/error.h"

namespace ditto {
namespace {

using Path = std::vector<int>;
constexpr double kNoEdge = std::numeric_limits<double>::infinity();

PlanGraph graph_of(int steps, int max_skip) {
  PlanGraph graph{steps, max_skip, {}};
  for (int i = 0; i < steps; ++i) {
    graph.error.emplace_back(static_cast<std::size_t>(max_skip) + 1, kNoEdge);
    graph.error.back()[1] = 0;
  }
  return graph;
}

PlanGraph six_steps() {
  PlanGraph graph = graph_of(6, 4);
  graph.error[0] = {0, 0, .50, .90, 1.40};
  graph.error[1] = {0, 0, .30, .55, .80};
  graph.error[2] = {0, 0, .20, .35, kNoEdge};
  graph.error[3] = {0, 0, .10, kNoEdge, kNoEdge};
  return graph;
}

std::vector<double> errors_of(const PlanGraph& graph, const Path& path) {
  std::vector<double> errors;
  for (std::size_t k = 1; k < path.size(); ++k) {
    errors.push_back(
        graph.error[static_cast<std::size_t>(path[k - 1])][static_cast<std::size_t>(path[k] - path[k - 1])]);
  }
  return errors;
}

std::vector<double> descending(std::vector<double> errors) {
  std::ranges::sort(errors, std::greater<>());
  return errors;
}

double sum(const std::vector<double>& errors) {
  double total = 0;
  for (const double error : errors) total += error;
  return total;
}

/// Every path with that many nodes, in lexicographic order.
std::vector<Path> all_paths(const PlanGraph& graph, int nodes) {
  std::vector<Path> paths;
  for (std::uint32_t chosen = 0; chosen < (1U << graph.steps); ++chosen) {
    if (std::popcount(chosen) != nodes) continue;
    Path path;
    for (int step = 0; step < graph.steps; ++step) {
      if ((chosen >> step & 1U) != 0) path.push_back(step);
    }
    if (path.front() != 0 || path.back() != graph.steps - 1) continue;
    bool possible = true;
    for (std::size_t k = 1; k < path.size() && possible; ++k) {
      possible = path[k] - path[k - 1] <= graph.max_skip;
    }
    if (possible && std::ranges::none_of(errors_of(graph, path), [](double e) { return std::isinf(e); })) {
      paths.push_back(path);
    }
  }
  std::ranges::sort(paths);
  return paths;
}

/// Random errors of few distinct values (multiples of 1/8, so sums are exact and ties abound), some edges missing.
PlanGraph random_graph(std::mt19937& random) {
  std::uniform_int_distribution<int> steps(2, 10), skip(1, 5), error(0, 9);
  PlanGraph graph = graph_of(steps(random), skip(random));
  for (auto& row : graph.error) {
    for (std::size_t length = 2; length < row.size(); ++length) {
      const int drawn = error(random);
      row[length] = drawn == 9 ? kNoEdge : drawn / 8.0;
    }
  }
  return graph;
}

template <typename Cost>
void expect_equal_to_brute_force(std::uint32_t seed, Path (*plan)(const PlanGraph&, int), Cost cost) {
  std::mt19937 random(seed);
  for (int trial = 0; trial < 500; ++trial) {
    const PlanGraph graph = random_graph(random);
    for (int nodes = 1; nodes <= graph.steps; ++nodes) {
      const std::vector<Path> paths = all_paths(graph, nodes);
      if (paths.empty()) {
        EXPECT_THROW(plan(graph, nodes), Error);
        continue;
      }
      const auto best =
          std::ranges::min_element(paths, {}, [&](const Path& path) { return cost(errors_of(graph, path)); });
      ASSERT_EQ(plan(graph, nodes), *best) << "trial " << trial << ", " << nodes << " nodes";
    }
  }
}

TEST(LexicographicPath, PublishedExample) {
  const PlanGraph graph = six_steps();
  EXPECT_EQ(lexicographic_minimax_path(graph, 3), (Path{0, 2, 5}));
  EXPECT_EQ(lexicographic_minimax_path(graph, 4), (Path{0, 1, 3, 5}));
  EXPECT_EQ(lexicographic_minimax_path(graph, 5), (Path{0, 1, 2, 3, 5}));
  EXPECT_EQ(lexicographic_minimax_path(graph, 6), (Path{0, 1, 2, 3, 4, 5}));
}

TEST(LexicographicPath, LooksBeyondTheLargestError) {
  PlanGraph graph = six_steps();
  graph.error[2][3] = .30;
  EXPECT_EQ(lexicographic_minimax_path(graph, 4), (Path{0, 1, 2, 5}));
}

TEST(LexicographicPath, OfEqualErrorsTheSmallestPath) {
  PlanGraph graph = graph_of(6, 2);
  for (auto& row : graph.error) row[2] = .5;
  EXPECT_EQ(lexicographic_minimax_path(graph, 4), (Path{0, 1, 3, 5}));
  graph.error[1][2] = .5 * (1 + 1e-12);  // no difference anybody could have measured
  EXPECT_EQ(lexicographic_minimax_path(graph, 4), (Path{0, 1, 3, 5}));
  graph.error[1][2] = .5 * (1 + 1e-8);
  EXPECT_EQ(lexicographic_minimax_path(graph, 4), (Path{0, 2, 3, 5}));
}

TEST(CheapestPath, PublishedExample) {
  const PlanGraph graph = six_steps();
  EXPECT_EQ(cheapest_path(graph, 3), (Path{0, 1, 5}));
  EXPECT_EQ(cheapest_path(graph, 4), (Path{0, 1, 2, 5}));
  EXPECT_EQ(cheapest_path(graph, 6), (Path{0, 1, 2, 3, 4, 5}));
}

TEST(GraphPaths, LexicographicEqualsBruteForce) {
  expect_equal_to_brute_force(1, lexicographic_minimax_path, [](const auto& errors) { return descending(errors); });
}

TEST(GraphPaths, CheapestEqualsBruteForce) {
  expect_equal_to_brute_force(2, cheapest_path, [](const auto& errors) { return sum(errors); });
}

TEST(GraphPaths, RefuseWhatIsInfeasible) {
  for (const auto plan : {lexicographic_minimax_path, cheapest_path}) {
    for (const int nodes : {-1, 0, 1, 2, 7}) {
      try {
        plan(six_steps(), nodes);
        FAIL() << nodes << " nodes were accepted";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::kUsage);
        EXPECT_NE(std::string(error.what()).find("of 6 steps with edges up to 4; accepted: 3 to 6"), std::string::npos)
            << error.what();
      }
    }
  }
  EXPECT_EQ(lexicographic_minimax_path(graph_of(1, 1), 1), Path{0});
}

TEST(GraphPaths, RefuseGraphsThatMeanNothing) {
  const auto refused = [](PlanGraph graph, const std::string& message) {
    try {
      lexicographic_minimax_path(graph, 4);
      FAIL() << "accepted where expected: " << message;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  };
  PlanGraph graph = six_steps();
  graph.error[1][3] = std::nan("");
  refused(graph, "the error of 1 -> 4 is nan; accepted: 0 or more");
  graph = six_steps();
  graph.error[2][1] = .1;
  refused(graph, "the error of 2 -> 3 is 0.1; accepted: 0");
  graph = six_steps();
  graph.error.resize(4);
  refused(graph, "4 rows for 6 steps");
  graph = six_steps();
  graph.error[3].pop_back();
  refused(graph, "row 3 has 4 errors; accepted: 5");
}

}  // namespace
}  // namespace ditto
