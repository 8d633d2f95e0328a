#include "eval/metrics/temporal.h"

#include <ATen/TensorOperators.h>

#include <fmt/format.h>

#include "core/error.h"
#include "eval/flow/optical_flow.h"

namespace ditto {
namespace {

void require_pairs(const std::string& metric, const at::Tensor& clip) {
  if (clip.size(0) > 1) return;
  throw Error(ExitCode::kUsage,
              fmt::format("{}: undefined for a single frame; accepted are clips of at least two frames", metric));
}

}  // namespace

MetricResult flicker(const at::Tensor& reference, const at::Tensor& candidate) {
  check_comparable("flicker", reference, candidate);
  require_pairs("flicker", candidate);
  std::vector<double> scores;
  for (std::int64_t frame = 0; frame + 1 < candidate.size(0); ++frame) {
    const at::Tensor difference = candidate[frame + 1].to(at::kFloat) - candidate[frame].to(at::kFloat);
    scores.push_back((255 - difference.abs().mean(at::kDouble).item<double>()) / 255);
  }
  return summarise_scores(scores, BetterScore::kHigher);
}

MetricResult motion(const at::Tensor& reference, const at::Tensor& candidate) {
  check_comparable("motion", reference, candidate);
  require_pairs("motion", candidate);
  return summarise_scores(mean_flow_lengths(candidate), BetterScore::kHigher);
}

}  // namespace ditto
