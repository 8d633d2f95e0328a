#pragma once

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/host/gpu.h"
#include "kernels/host/parallel.h"

namespace ditto::kernels {

/// A kernel over rows of `columns` elements, as it is compiled for both kinds of device.
template <typename Arguments>
struct RowKernel {
  const char* name;
  void (*CpuKernels::*cpu)(const Arguments&, std::int64_t first, std::int64_t last);
  int (*CudaKernels::*gpu)(const Arguments&, std::int64_t rows, CUstream_st* stream);
};

/// All rows [0, rows): on a GPU's current stream, or over LibTorch's threads.
template <typename Arguments>
void run_rows(c10::Device device, const RowKernel<Arguments>& kernel, const Arguments& arguments, std::int64_t rows) {
  if (const CudaKernels* const gpu = gpu_kernels(device)) {
    start_on_gpu(device, kernel.name, [&](CUstream_st* stream) { return (gpu->*kernel.gpu)(arguments, rows, stream); });
    return;
  }
  const auto run = cpu_kernels().*kernel.cpu;
  parallel_rows(rows, arguments.columns, [&](std::int64_t first, std::int64_t last) { run(arguments, first, last); });
}

}  // namespace ditto::kernels
