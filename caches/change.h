#pragma once

#include <optional>

#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"

namespace ditto {

/// Mean of the absolute values over all elements, accumulated in fp32.
double mean_abs(const at::Tensor& tensor);

/// mean|now - before| / mean|before|, measured as `kernels` says. Nothing when a term is not finite or the denominator
/// is below 1e-12: whoever asks then has to compute.
std::optional<double> relative_change(const at::Tensor& now, const at::Tensor& before, KernelMode kernels);

}  // namespace ditto
