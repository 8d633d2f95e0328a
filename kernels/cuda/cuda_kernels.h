#pragma once

#include <cstdint>

#include "kernels/arguments.h"

struct CUstream_st;

namespace ditto::kernels {

/// Sums over the elements of pairs of arrays, all of one type: `terms` sums of each. `partials` is memory on the device
/// of pair_partials(counts) * terms numbers, `totals` [pairs, terms] the result there.
struct PairSumsArguments {
  static constexpr int kMaxPairs = 64;
  ElementType type;
  int pairs;
  const void* a[kMaxPairs];
  const void* b[kMaxPairs];
  std::int64_t counts[kMaxPairs];
  double* partials;
  double* totals;
};

/// Elements of one partial sum; each pair begins with a new one.
inline constexpr std::int64_t kPairPartial = 8192;
inline std::int64_t pair_partials(const PairSumsArguments& arguments) {
  std::int64_t partials = 0;
  for (int pair = 0; pair < arguments.pairs; ++pair) {
    partials += (arguments.counts[pair] + kPairPartial - 1) / kPairPartial;
  }
  return partials;
}

/// The kernels of the GPU: they start work on a stream and return CUDA's error code, 0 when all is well. All pointers
/// are to memory of the device. Rows are [0, rows). Equal input gives equal bits.
struct CudaKernels {
  int (*blend)(const BlendArguments&, std::int64_t rows, CUstream_st* stream);
  int (*layer_norm)(const LayerNormArguments&, std::int64_t rows, CUstream_st* stream);
  int (*rms_norm)(const RmsNormArguments&, std::int64_t rows, CUstream_st* stream);
  int (*euler_update)(const EulerArguments&, std::int64_t count, CUstream_st* stream);
  int (*unipc_update)(const UniPcArguments&, std::int64_t count, CUstream_st* stream);
  int (*quantise)(const QuantiseArguments&, std::int64_t rows, CUstream_st* stream);
  int (*dequantise)(const DequantiseArguments&, std::int64_t rows, CUstream_st* stream);
  int (*l1_sums)(const PairSumsArguments&, CUstream_st* stream);
  int (*product_sums)(const PairSumsArguments&, CUstream_st* stream);
  int (*squared_sums)(const PairSumsArguments&, CUstream_st* stream);
};

/// Null in a build without CUDA.
const CudaKernels* cuda_kernels();

}  // namespace ditto::kernels
