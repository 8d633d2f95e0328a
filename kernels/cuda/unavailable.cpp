// Stands for the kernels of the GPU in a build without CUDA.

#include "kernels/cuda/cuda_kernels.h"

namespace ditto::kernels {

const CudaKernels* cuda_kernels() { return nullptr; }

}  // namespace ditto::kernels
