#include "apps/dit_gen/comparison.h"

#include "core/error.h"
#include "eval/metrics/psnr.h"
#include "eval/metrics/registry.h"

namespace ditto {
namespace {

/// A metric that may not be had here: its weights are missing, or the frames are too small for it.
void score(const std::string& metric, const Result& full, const Result& cached, std::optional<double>& mean,
           std::optional<std::string>& why_not) {
  try {
    mean = find_metric("compare", metric).evaluate(full.frames, cached.frames).mean;
  } catch (const Error& error) {
    why_not = error.what();
  }
}

}  // namespace

Comparison compare(const Result& full, const Result& cached) {
  Comparison comparison;
  comparison.full_seconds = full.seconds.denoise;
  comparison.speedup = full.seconds.denoise / cached.seconds.denoise;
  const MetricResult quality = psnr(full.frames, cached.frames);
  comparison.psnr = quality.mean;
  comparison.worst_frame = quality.worst_frame;
  comparison.worst_psnr = quality.worst;
  score("ssim", full, cached, comparison.ssim, comparison.why_no_ssim);
  score("lpips-alex", full, cached, comparison.lpips_alex, comparison.why_no_lpips);
  return comparison;
}

}  // namespace ditto
