#include "kernels/host/gpu.h"

#include <atomic>

#include <c10/util/Exception.h>

#include "kernels/cuda/runtime.h"

namespace ditto::kernels {
namespace {

std::atomic<const CudaKernels*> on_host = nullptr;

}  // namespace

const CudaKernels* gpu_kernels(c10::Device device) {
  if (device.is_cpu()) return on_host.load(std::memory_order_relaxed);
  return device.is_cuda() ? cuda_kernels() : nullptr;
}

void start_on_gpu(c10::Device device, const char* kernel, c10::function_ref<int(CUstream_st*)> start) {
  const int error = device.is_cpu() ? start(nullptr) : start_on_current_stream(device, start);
  TORCH_CHECK(error == 0, "kernel ", kernel, " did not start on ", device, ": ", take_cuda_error(error));
}

ScopedGpuOnHost::ScopedGpuOnHost(const CudaKernels& kernels) : before_(on_host.exchange(&kernels)) {}
ScopedGpuOnHost::~ScopedGpuOnHost() { on_host = before_; }

}  // namespace ditto::kernels
