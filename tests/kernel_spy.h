#pragma once

#include <atomic>

#include "counted_kernel.h"
#include "kernels/cpu/cpu_kernels.h"

namespace ditto::test {

/// Counts the calls of compiled kernels while it lives; they do their work as ever.
class KernelSpy {
 public:
  KernelSpy() { calls_ = 0; }
  int calls() const { return calls_; }

 private:
  using Kernels = kernels::CpuKernels;

  static const Kernels& original() { return *kernels::runnable_cpu_kernels().back(); }
  static inline std::atomic<int> calls_ = 0;
  template <auto kKernel>
  using Counted = CountedKernel<kKernel, &original, calls_>;

  static inline const Kernels kCounted = {
      .target = "counted",
      .blend = Counted<&Kernels::blend>::call,
      .layer_norm = Counted<&Kernels::layer_norm>::call,
      .rms_norm = Counted<&Kernels::rms_norm>::call,
      .l1_sums = Counted<&Kernels::l1_sums>::call,
      .product_sums = Counted<&Kernels::product_sums>::call,
      .squared_sums = Counted<&Kernels::squared_sums>::call,
      .euler_update = Counted<&Kernels::euler_update>::call,
      .unipc_update = Counted<&Kernels::unipc_update>::call,
      .quantise = Counted<&Kernels::quantise>::call,
      .dequantise = Counted<&Kernels::dequantise>::call,
      // Null stays null: then there is nothing to call.
      .attention = original().attention != nullptr ? Counted<&Kernels::attention>::call : nullptr};
  static_assert(sizeof(Kernels) == 12 * sizeof(void*), "count every kernel");

  const kernels::ScopedCpuKernels scoped_{kCounted};
};

}  // namespace ditto::test
