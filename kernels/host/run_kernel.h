#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/host/gpu.h"
#include "kernels/host/parallel.h"

namespace ditto::kernels {

/// A kernel over rows or elements, as it is compiled for both kinds of device.
template <typename Arguments>
struct Kernel {
  const char* name;
  void (*CpuKernels::*cpu)(const Arguments&, std::int64_t first, std::int64_t last);
  int (*CudaKernels::*gpu)(const Arguments&, std::int64_t count, CUstream_st* stream);
};

/// On a GPU: starts the kernel on the device's current stream and returns true.
template <typename Arguments>
bool run_on_gpu(c10::Device device, const Kernel<Arguments>& kernel, const Arguments& arguments, std::int64_t count) {
  const CudaKernels* const gpu = gpu_kernels(device);
  if (gpu == nullptr) return false;
  start_on_gpu(device, kernel.name, [&](CUstream_st* stream) { return (gpu->*kernel.gpu)(arguments, count, stream); });
  return true;
}

/// All rows [0, rows) of arguments.columns elements: on a GPU's current stream, or over LibTorch's threads.
template <typename Arguments>
void run_rows(c10::Device device, const Kernel<Arguments>& kernel, const Arguments& arguments, std::int64_t rows) {
  if (run_on_gpu(device, kernel, arguments, rows)) return;
  const auto run = cpu_kernels().*kernel.cpu;
  parallel_rows(rows, arguments.columns, [&](std::int64_t first, std::int64_t last) { run(arguments, first, last); });
}

/// All elements of `like`, the same way.
template <typename Arguments>
void run_elements(const at::Tensor& like, const Kernel<Arguments>& kernel, const Arguments& arguments) {
  if (run_on_gpu(like.device(), kernel, arguments, like.numel())) return;
  const auto run = cpu_kernels().*kernel.cpu;
  parallel_ranges(like.numel(), kElementsPerThread,
                  [&](std::int64_t first, std::int64_t last) { run(arguments, first, last); });
}

}  // namespace ditto::kernels
