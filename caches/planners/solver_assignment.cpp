#include "caches/planners/solver_assignment.h"

#include <algorithm>
#include <array>

#include "caches/planners/clusters.h"

namespace ditto {
namespace {

constexpr std::array kTieOrder = {PoolSolver::kTf,  PoolSolver::kRk2,  PoolSolver::kAm,
                                  PoolSolver::kAb2, PoolSolver::kBdf2, PoolSolver::kReuse};
constexpr int kCurvatureRatio = 4;  ///< the descriptor that clusters are numbered by

std::vector<std::vector<double>> rows_of(const at::Tensor& matrix) {
  const at::Tensor values = matrix.to(at::kDouble).contiguous();
  std::vector<std::vector<double>> rows;
  const double* row = values.const_data_ptr<double>();
  for (std::int64_t k = 0; k < values.size(0); ++k, row += values.size(1)) rows.emplace_back(row, row + values.size(1));
  return rows;
}

PoolSolver best_solver(const std::vector<std::vector<double>>& errors, const std::vector<int>& cluster_of_channel,
                       int cluster, const std::vector<PoolSolver>& pool) {
  PoolSolver best = pool.front();
  double least = -1;
  for (const PoolSolver solver : kTieOrder) {
    if (std::ranges::find(pool, solver) == pool.end()) continue;
    double sum = 0;
    for (std::size_t channel = 0; channel < cluster_of_channel.size(); ++channel) {
      if (cluster_of_channel[channel] == cluster) sum += errors[static_cast<std::size_t>(solver)][channel];
    }
    // What differs by rounding is a tie.
    if (least >= 0 && !(sum < least * (1 - 1e-9))) continue;
    best = solver;
    least = sum;
  }
  return best;
}

}  // namespace

SolverAssignment assign_solvers(const at::Tensor& descriptors, const at::Tensor& errors, int clusters,
                                const std::vector<PoolSolver>& pool) {
  const Clustering clustering = cluster_rows(rows_of(descriptors), clusters, kCurvatureRatio);
  const std::vector<std::vector<double>> error_rows = rows_of(errors);
  SolverAssignment assignment{{}, {}};
  std::vector<int> index_of_cluster;
  for (int cluster = 0; cluster < clustering.count; ++cluster) {
    const PoolSolver solver = best_solver(error_rows, clustering.cluster_of_row, cluster, pool);
    const auto known = std::ranges::find(assignment.solvers, solver);
    index_of_cluster.push_back(static_cast<int>(known - assignment.solvers.begin()));
    if (known == assignment.solvers.end()) assignment.solvers.push_back(solver);
  }
  if (assignment.solvers.size() == 1) return assignment;
  for (const int cluster : clustering.cluster_of_row) {
    assignment.solver_of_channel.push_back(index_of_cluster[static_cast<std::size_t>(cluster)]);
  }
  return assignment;
}

}  // namespace ditto
