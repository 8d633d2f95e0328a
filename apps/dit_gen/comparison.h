#pragma once

#include <optional>
#include <string>

#include "runtime/pipeline.h"

namespace ditto {

/// A cached clip against the same clip under full compute.
struct Comparison {
  double full_seconds = 0;  ///< of denoising, warm
  double speedup = 0;       ///< full over cached denoise seconds
  double psnr = 0;          ///< dB, mean over frames
  std::optional<double> ssim;
  std::optional<std::string> why_no_ssim;
  std::optional<double> lpips_alex;
  std::optional<std::string> why_no_lpips;
  int worst_frame = 0;  ///< by PSNR
  double worst_psnr = 0;
};

/// Both results hold frames of one shape.
Comparison compare(const Result& full, const Result& cached);

}  // namespace ditto
