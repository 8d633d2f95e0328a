#pragma once

#include <cstdint>
#include <string_view>

#include <ATen/core/Tensor.h>

#include "kernels/kernel_mode.h"

namespace ditto::kernels {

/// What a linear layer applies to its result.
enum class Activation : std::uint8_t { kNone, kGeluTanh };

/// y = x W^T + b over the last axis; weight [out, in], bias [out] or undefined.
struct Linear {
  at::Tensor weight;
  at::Tensor bias;

  at::Tensor forward(const at::Tensor& x, KernelMode mode, Activation activation = Activation::kNone) const;
};

/// Who multiplies the matrices of linear layers on the CPU.
enum class LinearBackend : std::uint8_t { kAten, kOneDnn };

/// The choice for a dtype without activation, made once in a process: oneDNN where it is present and, in fp32, at least
/// 1.25 times as fast as at::linear on a fixed shape. Where the two are alike ATen is kept, so noise cannot turn the
/// choice and equal runs give equal bits. An activation always goes with oneDNN where it is present.
LinearBackend linear_backend(at::ScalarType dtype);

/// "aten" or "onednn".
std::string_view backend_name(LinearBackend backend);

}  // namespace ditto::kernels
