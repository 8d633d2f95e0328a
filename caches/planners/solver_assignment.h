#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "caches/forecasters/solver_pool.h"

namespace ditto {

/// Which solvers forecast the channels of a site. `solver_of_channel` are indices into `solvers`, which differ; it is
/// empty when one solver serves all.
struct SolverAssignment {
  std::vector<PoolSolver> solvers = {PoolSolver::kTf};
  std::vector<int> solver_of_channel = {};
};

/// HyCa's assignment (arXiv 2510.04188): channels are clustered by their descriptors [channels, 6], and each cluster
/// gets the solver of the pool with the least summed error, errors [6, channels] in the order of PoolSolver. Ties go to
/// the first of tf, rk2, am, ab2, bdf2, reuse.
SolverAssignment assign_solvers(const at::Tensor& descriptors, const at::Tensor& errors, int clusters,
                                const std::vector<PoolSolver>& pool);

}  // namespace ditto
