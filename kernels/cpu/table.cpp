#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/entry_points.h"

DITTO_BEGIN_TARGET

#define DITTO_QUOTED(text) #text
#define DITTO_TEXT(macro) DITTO_QUOTED(macro)

extern const CpuKernels kKernels;
const CpuKernels kKernels = {.target = DITTO_TEXT(DITTO_TARGET),
                             .blend = blend,
                             .layer_norm = layer_norm,
                             .rms_norm = rms_norm,
                             .l1_sums = l1_sums,
                             .product_sums = product_sums,
                             .squared_sums = squared_sums,
                             .euler_update = euler_update,
                             .unipc_update = unipc_update,
                             .quantise = quantise,
                             .dequantise = dequantise,
                             .attention = attention};

DITTO_END_TARGET
