// Stands for the kernels of the GPU in a build without CUDA.

#include <c10/util/Exception.h>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/runtime.h"

namespace ditto::kernels {

const CudaKernels* cuda_kernels() { return nullptr; }

int start_on_current_stream(c10::Device device, c10::function_ref<int(CUstream_st*)>) {
  TORCH_CHECK(false, "no kernels for ", device, ": Ditto was built without CUDA");
}

std::string take_cuda_error(int error) { return "error " + std::to_string(error); }

}  // namespace ditto::kernels
