#include "caches/planners/edge_graph.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "core/error.h"

namespace ditto {

PlanGraph edge_graph(const Profile& profile) {
  const auto refuse = [&](const std::string& what, const std::string& accepted) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: 'edge_error' {}; accepted: {}", profile.path.string(), what, accepted));
  };
  const at::Tensor measured = profile.array("edge_error").to(at::kDouble).contiguous();
  if (measured.dim() != 2 || measured.size(0) != profile.run.steps || measured.size(1) < 2) {
    refuse(fmt::format("has the shape [{}]", fmt::join(measured.sizes(), ", ")),
           fmt::format("[{}, largest skip + 1]", profile.run.steps));
  }
  PlanGraph graph{profile.run.steps, static_cast<int>(measured.size(1)) - 1, {}};
  const double* entry = measured.const_data_ptr<double>();
  for (int step = 0; step < graph.steps; ++step, entry += graph.max_skip + 1) {
    std::vector<double> row(entry, entry + graph.max_skip + 1);
    for (int skip = 0; skip <= graph.max_skip; ++skip) {
      double& error = row[static_cast<std::size_t>(skip)];
      if (skip <= 1) error = 0;  // nothing is reused
      if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
      if (error < 0) refuse(fmt::format("[{}][{}] is {}", step, skip, error), "0 or more");
    }
    graph.error.push_back(std::move(row));
  }
  return graph;
}

}  // namespace ditto
