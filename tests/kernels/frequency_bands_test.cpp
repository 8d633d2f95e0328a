// Low and high spatial frequencies against the definition in a centred, full spectrum.

#include "kernels/frequency_bands.h"

#include <algorithm>
#include <vector>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/fft_fft2.h>
#include <ATen/ops/fft_fftshift.h>
#include <ATen/ops/fft_ifft2.h>
#include <ATen/ops/fft_ifftshift.h>
#include <ATen/ops/full.h>
#include <ATen/ops/imag.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/real.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include "kernels/blend.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

struct Size {
  std::int64_t height, width;
  int low_bins;  ///< frequencies within the radius, counted in the full spectrum
};

const std::vector<Size> kSizes = {{4, 4, 1}, {5, 7, 5}, {10, 12, 13}, {1, 1, 1}, {5, 4, 1}, {16, 11, 13}};

at::Tensor normal(at::IntArrayRef sizes) {
  return at::randn(sizes, at::make_generator<at::CPUGeneratorImpl>(11), at::TensorOptions(at::kFloat));
}

double largest(const at::Tensor& tensor) { return tensor.abs().max().item<double>(); }

/// The definition: bins of the shifted spectrum within the radius of the centre.
at::Tensor low_mask(std::int64_t height, std::int64_t width) {
  const std::int64_t radius = std::min(height, width) / 5;
  const at::Tensor y = at::arange(height, at::kLong) - height / 2, x = at::arange(width, at::kLong) - width / 2;
  return ((y * y).unsqueeze(1) + x * x).le(radius * radius);
}

at::Tensor low_by_definition(const at::Tensor& frames) {
  const std::vector<std::int64_t> axes = {-2, -1};
  const at::Tensor spectrum =
      at::fft_fftshift(at::fft_fft2(frames), axes) * low_mask(frames.size(3), frames.size(4)).to(at::kFloat);
  const at::Tensor low = at::fft_ifft2(at::fft_ifftshift(spectrum, axes));
  EXPECT_LT(largest(at::imag(low)), tolerance::kUnitFloat32);
  return at::real(low);
}

TEST(FrequencyBands, CountTheLowBins) {
  for (const Size& size : kSizes) {
    EXPECT_EQ(low_mask(size.height, size.width).sum().item<std::int64_t>(), size.low_bins);
    // Every bin of an impulse's spectrum is 1, so the low band has the share of low bins at the impulse.
    const at::Tensor impulse = at::zeros({1, 1, 1, size.height, size.width});
    impulse[0][0][0][0][0] = 1;
    const double low = kernels::split_frequency_bands(impulse).flatten()[0].item<double>();
    EXPECT_NEAR(low * static_cast<double>(size.height * size.width), size.low_bins, tolerance::kUnitFloat32);
  }
}

TEST(FrequencyBands, EqualTheDefinitionAndSumToTheWhole) {
  for (const Size& size : kSizes) {
    const at::Tensor frames = normal({1, 3, 2, size.height, size.width});
    const at::Tensor bands = kernels::split_frequency_bands(frames);
    ASSERT_EQ(bands.size(0), 2);
    EXPECT_LE(largest(bands.narrow(0, 0, 1) - low_by_definition(frames)), tolerance::kUnitFloat32);
    EXPECT_LE(largest(bands.sum(0, true) - frames), tolerance::kClosedForm);
  }
}

TEST(FrequencyBands, WeighLowAndHighApart) {
  // The mean is 1 and the only low frequency: 1.1 * mean + 1.2 * (frame - mean).
  const at::Tensor frame = at::full({1, 1, 1, 4, 4}, 0.5);
  frame[0][0][0][0].copy_(at::tensor({1.0F, 2.0F, 3.0F, 4.0F}));
  const at::Tensor bands = kernels::split_frequency_bands(frame);
  const std::vector<at::Tensor> terms = {bands.narrow(0, 0, 1), bands.narrow(0, 1, 1)};
  const std::vector<float> weights = {1.1F, 1.2F};
  const at::Tensor row = kernels::weighted_sum(terms, {weights})[0][0][0][0];
  EXPECT_LE(largest(row - at::tensor({1.1F, 2.3F, 3.5F, 4.7F})), tolerance::kClosedForm);
}

TEST(FrequencyBands, TakeEveryFrameAndChannelAlone) {
  const at::Tensor frames = normal({1, 2, 3, 6, 10});
  const at::Tensor bands = kernels::split_frequency_bands(frames);
  for (std::int64_t channel = 0; channel < 2; ++channel) {
    for (std::int64_t frame = 0; frame < 3; ++frame) {
      const at::Tensor alone =
          kernels::split_frequency_bands(frames.narrow(1, channel, 1).narrow(2, frame, 1).contiguous());
      EXPECT_LE(largest(alone - bands.narrow(1, channel, 1).narrow(2, frame, 1)), tolerance::kClosedForm);
    }
  }
}

TEST(FrequencyBands, KeepTheDtypeAndTransformInFloat32) {
  const at::Tensor frames = normal({1, 2, 2, 10, 12}).to(at::kBFloat16);
  const at::Tensor bands = kernels::split_frequency_bands(frames);
  EXPECT_TRUE(at::equal(bands, kernels::split_frequency_bands(frames.to(at::kFloat)).to(at::kBFloat16)));
}

TEST(FrequencyBands, RefuseWhatIsNoPrediction) {
  EXPECT_THROW(kernels::split_frequency_bands(at::zeros({1, 4, 4})), c10::Error);
  EXPECT_THROW(kernels::split_frequency_bands(at::zeros({2, 1, 1, 4, 4})), c10::Error);
}

}  // namespace
}  // namespace ditto::test
