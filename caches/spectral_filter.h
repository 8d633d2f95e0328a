#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace ditto {

/// Gains of SeaCache's filter (arXiv 2602.18993) at the `length` frequencies of an axis, in the order of a discrete
/// Fourier transform, with the mean 1: those of the linear denoiser of noise level sigma for signals whose power falls
/// as frequency to the -`power`.
std::vector<double> spectral_gains(int length, double sigma, double power);

/// The filter along frames, height and width of `grid` [frames, height, width, channels]; fp32 of the same shape.
at::Tensor spectral_filter(const at::Tensor& grid, double sigma, double power);

}  // namespace ditto
