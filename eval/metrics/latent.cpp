#include "eval/metrics/latent.h"

#include <ATen/TensorOperators.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace ditto {

MetricResult latent_distance(const at::Tensor& reference, const at::Tensor& candidate) {
  const bool comparable = reference.dim() == 5 && reference.sizes() == candidate.sizes() && reference.numel() > 0 &&
                          reference.is_floating_point() && candidate.is_floating_point();
  if (!comparable) {
    throw Error(ExitCode::kUsage,
                fmt::format("latent: [{}] and [{}] cannot be compared; accepted are floating-point latents "
                            "[1,C,F,H,W] of one shape",
                            fmt::join(reference.sizes(), ","), fmt::join(candidate.sizes(), ",")));
  }
  const at::Tensor difference = (candidate.to(at::kDouble) - reference.to(at::kDouble)).abs().mean({0, 1, 3, 4});
  const at::Tensor size = reference.to(at::kDouble).abs().mean({0, 1, 3, 4});
  std::vector<double> scores;
  for (std::int64_t frame = 0; frame < size.size(0); ++frame) {
    scores.push_back(difference[frame].item<double>() / std::max(size[frame].item<double>(), 1e-12));
  }
  return summarise_scores(scores, BetterScore::kLower);
}

}  // namespace ditto
