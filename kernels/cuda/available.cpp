#include "kernels/cuda/cuda_kernels.h"

namespace ditto::kernels {
namespace cuda {
extern const CudaKernels kKernels;
}  // namespace cuda

const CudaKernels* cuda_kernels() { return &cuda::kKernels; }

}  // namespace ditto::kernels
