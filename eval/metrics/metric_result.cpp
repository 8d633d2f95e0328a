#include "eval/metrics/metric_result.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <c10/util/Exception.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace ditto {
namespace {

std::string describe(const at::Tensor& frames) {
  if (!frames.defined()) return "nothing";
  return fmt::format("{}[{}] on {}", frames.dtype().name(), fmt::join(frames.sizes(), ","), frames.device().str());
}

bool is_clip(const at::Tensor& frames) {
  return frames.defined() && frames.device().is_cpu() && frames.scalar_type() == at::kByte && frames.dim() == 4 &&
         frames.size(3) == 3 && frames.numel() > 0;
}

}  // namespace

MetricResult summarise_scores(const std::vector<double>& scores, BetterScore better) {
  TORCH_CHECK(!scores.empty(), "summarise_scores: no scores");
  TORCH_CHECK(std::ranges::all_of(scores, [](double score) { return std::isfinite(score); }),
              "summarise_scores: a score is not finite");
  const auto is_worse = [better](double a, double b) { return better == BetterScore::kHigher ? a < b : a > b; };
  MetricResult result;
  result.mean = std::accumulate(scores.begin(), scores.end(), 0.0) / static_cast<double>(scores.size());
  const auto worst = std::min_element(scores.begin(), scores.end(), is_worse);
  result.worst = *worst;
  result.worst_frame = static_cast<int>(worst - scores.begin());

  std::vector<double> worst_first = scores;
  std::sort(worst_first.begin(), worst_first.end(), is_worse);
  const double rank = 0.05 * static_cast<double>(scores.size() - 1);
  const auto lower = static_cast<std::size_t>(rank);
  const std::size_t upper = std::min(lower + 1, scores.size() - 1);
  result.p5 = std::lerp(worst_first[lower], worst_first[upper], rank - static_cast<double>(lower));
  return result;
}

void check_comparable(const std::string& metric, const at::Tensor& reference, const at::Tensor& candidate) {
  if (is_clip(reference) && is_clip(candidate) && reference.sizes() == candidate.sizes()) return;
  throw Error(ExitCode::kUsage,
              fmt::format("{}: the reference is {} and the candidate is {}; accepted are two uint8 clips [T,H,W,3] of "
                          "the same, non-empty shape",
                          metric, describe(reference), describe(candidate)));
}

}  // namespace ditto
