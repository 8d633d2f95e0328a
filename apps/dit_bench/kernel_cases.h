#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace ditto {

/// One fused operation on tensors of one size.
struct KernelCase {
  std::string operation;
  std::function<void()> fused;
  std::function<void()> unfused;  ///< its meaning in plain ATen operations
  std::function<void()> aten;     ///< ATen's own fused form, empty where there is none
  std::int64_t bytes = 0;         ///< what must be read and written at least; 0 where memory is no limit
};

/// Every operation on [1, tokens, channels]; heads of the rotation are 32 wide.
std::vector<KernelCase> kernel_cases(std::int64_t tokens, std::int64_t channels, at::ScalarType dtype);

}  // namespace ditto
