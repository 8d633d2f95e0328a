#pragma once

#include <map>
#include <vector>

#include <ATen/core/Tensor.h>

namespace ditto {

/// How far a run is from full compute at one step: relative L1 of the latent entering it (what has piled up) and of
/// the guided prediction made in it.
struct StepError {
  int node = 0;
  double latent = 0;
  double prediction = 0;
};

/// The latents and guided predictions of a run by node of the full grid, copied to the CPU.
class Trajectory {
 public:
  void add(int node, const at::Tensor& latent, const at::Tensor& prediction);

  /// Errors of another run of the same prompt and noise at the nodes both visited, in their order.
  std::vector<StepError> errors_of(const Trajectory& other) const;

 private:
  struct Point {
    at::Tensor latent, prediction;
  };
  std::map<int, Point> points_;
};

}  // namespace ditto
