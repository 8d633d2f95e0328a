#include "eval/report/trajectory.h"

#include "eval/metrics/latent.h"

namespace ditto {
namespace {

at::Tensor kept(const at::Tensor& tensor) { return tensor.detach().to(at::kCPU, at::kFloat, false, true); }

}  // namespace

void Trajectory::add(int node, const at::Tensor& latent, const at::Tensor& prediction) {
  points_[node] = {kept(latent), kept(prediction)};
}

std::vector<StepError> Trajectory::errors_of(const Trajectory& other) const {
  std::vector<StepError> errors;
  for (const auto& [node, point] : other.points_) {
    const auto here = points_.find(node);
    if (here == points_.end()) continue;
    errors.push_back({node, latent_distance(here->second.latent, point.latent).mean,
                      latent_distance(here->second.prediction, point.prediction).mean});
  }
  return errors;
}

}  // namespace ditto
