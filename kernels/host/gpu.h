#pragma once

#include <c10/core/Device.h>
#include <c10/util/FunctionRef.h>

#include "kernels/cuda/cuda_kernels.h"

namespace ditto::kernels {

/// The kernels of the GPU when they are to work on tensors of a device, otherwise null.
const CudaKernels* gpu_kernels(c10::Device device);

/// Starts one of gpu_kernels(device) on the device's current stream, without waiting for it: start(stream) returns
/// CUDA's error code. Throws c10::Error, with the kernel's name, when that is none of success.
void start_on_gpu(c10::Device device, const char* kernel, c10::function_ref<int(CUstream_st*)> start);

/// For tests: while it lives, tensors of the CPU go to these kernels, which must run on the host. It holds for the
/// whole process; the one before holds again afterwards.
class ScopedGpuOnHost {
 public:
  explicit ScopedGpuOnHost(const CudaKernels& kernels);
  ~ScopedGpuOnHost();
  ScopedGpuOnHost(const ScopedGpuOnHost&) = delete;
  ScopedGpuOnHost& operator=(const ScopedGpuOnHost&) = delete;

 private:
  const CudaKernels* before_;
};

}  // namespace ditto::kernels
