#include "kernels/frequency_bands.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/fft_fftfreq.h>
#include <ATen/ops/fft_irfft2.h>
#include <ATen/ops/fft_rfft2.h>
#include <ATen/ops/fft_rfftfreq.h>
#include <c10/util/Exception.h>

namespace ditto::kernels {
namespace {

/// 1 at low frequencies in the layout of rfft2, [height, width / 2 + 1].
at::Tensor low_mask(std::int64_t height, std::int64_t width, const at::TensorOptions& options) {
  const auto radius = static_cast<double>(std::min(height, width) / 5);
  // Frequencies in bins: integers, from cycles per sample.
  const at::Tensor rows = (at::fft_fftfreq(height, 1.0, options) * static_cast<double>(height)).round();
  const at::Tensor columns = (at::fft_rfftfreq(width, 1.0, options) * static_cast<double>(width)).round();
  return ((rows * rows).unsqueeze(1) + columns * columns).le(radius * radius).to(options);
}

}  // namespace

at::Tensor split_frequency_bands(const at::Tensor& frames) {
  TORCH_CHECK(frames.dim() == 5 && frames.size(0) == 1, "split_frequency_bands: sizes are ", frames.sizes());
  const std::int64_t height = frames.size(3), width = frames.size(4);
  const at::Tensor wide = frames.to(at::kFloat);
  const at::Tensor spectrum = at::fft_rfft2(wide) * low_mask(height, width, wide.options());
  const at::Tensor low = at::fft_irfft2(spectrum, at::IntArrayRef{height, width});
  return at::cat({low, wide - low}).to(frames.scalar_type());
}

}  // namespace ditto::kernels
