// The GPU's kernels and LibTorch's streams in a build with CUDA; only here are CUDA's headers included.

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/runtime.h"

namespace ditto::kernels {
namespace cuda {
extern const CudaKernels kKernels;
}  // namespace cuda

const CudaKernels* cuda_kernels() { return &cuda::kKernels; }

int start_on_current_stream(c10::Device device, c10::function_ref<int(CUstream_st*)> start) {
  const c10::cuda::CUDAGuard guard(device);
  return start(c10::cuda::getCurrentCUDAStream(device.index()).stream());
}

std::string take_cuda_error(int error) {
  cudaGetLastError();
  const auto code = static_cast<cudaError_t>(error);
  return std::string(cudaGetErrorName(code)) + ", " + cudaGetErrorString(code);
}

}  // namespace ditto::kernels
