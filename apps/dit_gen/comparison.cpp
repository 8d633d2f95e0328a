#include "apps/dit_gen/comparison.h"

#include "core/error.h"
#include "eval/metrics/psnr.h"
#include "eval/metrics/ssim.h"

namespace ditto {

Comparison compare(const Result& full, const Result& cached) {
  Comparison comparison;
  comparison.full_seconds = full.seconds.denoise;
  comparison.speedup = full.seconds.denoise / cached.seconds.denoise;
  const MetricResult quality = psnr(full.frames, cached.frames);
  comparison.psnr = quality.mean;
  comparison.worst_frame = quality.worst_frame;
  comparison.worst_psnr = quality.worst;
  try {
    comparison.ssim = ssim(full.frames, cached.frames).mean;
  } catch (const Error& error) {
    comparison.why_no_ssim = error.what();  // frames smaller than its window
  }
  return comparison;
}

}  // namespace ditto
