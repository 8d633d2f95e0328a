#include "kernels/cuda/launchers.h"

DITTO_BEGIN_TARGET

extern const CudaKernels kKernels;
const CudaKernels kKernels = {.blend = blend,
                              .layer_norm = layer_norm,
                              .rms_norm = rms_norm,
                              .euler_update = euler_update,
                              .unipc_update = unipc_update,
                              .quantise = quantise,
                              .dequantise = dequantise,
                              .l1_sums = l1_sums,
                              .product_sums = product_sums,
                              .squared_sums = squared_sums};

DITTO_END_TARGET
