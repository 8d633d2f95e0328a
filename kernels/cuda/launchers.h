#pragma once

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/fused/target.h"

DITTO_BEGIN_TARGET

int blend(const BlendArguments& arguments, std::int64_t rows, CUstream_st* stream);
int layer_norm(const LayerNormArguments& arguments, std::int64_t rows, CUstream_st* stream);
int rms_norm(const RmsNormArguments& arguments, std::int64_t rows, CUstream_st* stream);
int euler_update(const EulerArguments& arguments, std::int64_t count, CUstream_st* stream);
int unipc_update(const UniPcArguments& arguments, std::int64_t count, CUstream_st* stream);
int quantise(const QuantiseArguments& arguments, std::int64_t rows, CUstream_st* stream);
int dequantise(const DequantiseArguments& arguments, std::int64_t rows, CUstream_st* stream);
int l1_sums(const PairSumsArguments& arguments, CUstream_st* stream);
int product_sums(const PairSumsArguments& arguments, CUstream_st* stream);
int squared_sums(const PairSumsArguments& arguments, CUstream_st* stream);

DITTO_END_TARGET
