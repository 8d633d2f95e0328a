#pragma once

#include <cstdint>
#include <span>

#include "kernels/arguments.h"
#include "kernels/attention_arguments.h"

namespace ditto::kernels {

/// The kernels compiled for one instruction set. Those over rows take [first, last); element-wise ones a part of the
/// columns too, or elements [begin, end) alone. Sums over pairs take elements [first, last) and write their totals.
struct CpuKernels {
  const char* target;
  void (*blend)(const BlendArguments&, std::int64_t first, std::int64_t last, std::int64_t begin, std::int64_t end);
  void (*layer_norm)(const LayerNormArguments&, std::int64_t first, std::int64_t last);
  void (*rms_norm)(const RmsNormArguments&, std::int64_t first, std::int64_t last);
  void (*l1_sums)(const PairArguments&, std::int64_t first, std::int64_t last, double* totals);
  void (*product_sums)(const PairArguments&, std::int64_t first, std::int64_t last, double* totals);
  void (*squared_sums)(const PairArguments&, std::int64_t first, std::int64_t last, double* totals);
  void (*euler_update)(const EulerArguments&, std::int64_t begin, std::int64_t end);
  void (*unipc_update)(const UniPcArguments&, std::int64_t begin, std::int64_t end);
  void (*quantise)(const QuantiseArguments&, std::int64_t first, std::int64_t last);
  void (*dequantise)(const DequantiseArguments&, std::int64_t first, std::int64_t last);
  /// Queries [first, last) of all heads, [rows, heads, queries], with room for kAttentionScratch numbers. Null where
  /// LibTorch's is faster.
  void (*attention)(const AttentionArguments&, std::int64_t first, std::int64_t last, float* scratch);
};

/// Every set of kernels that this processor runs, the plainest first.
std::span<const CpuKernels* const> runnable_cpu_kernels();

/// The set in use: the last of the runnable ones, or the one a ScopedCpuKernels names.
const CpuKernels& cpu_kernels();

/// Uses another set while it lives, for tests and measurements. One at a time in a process.
class ScopedCpuKernels {
 public:
  explicit ScopedCpuKernels(const CpuKernels& kernels);
  ~ScopedCpuKernels();
  ScopedCpuKernels(const ScopedCpuKernels&) = delete;
  ScopedCpuKernels& operator=(const ScopedCpuKernels&) = delete;
};

}  // namespace ditto::kernels
