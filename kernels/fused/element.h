#pragma once

#include "kernels/fused/target.h"

/// The target's packs of fp32 lanes, their arithmetic, and their way to memory and back.
#if defined(DITTO_GPU)
#include "kernels/cuda/pack.h"
#else
#include "kernels/fused/vector_element.h"
#endif
