#include "kernels/cpu/cpu_kernels.h"

#include <atomic>
#include <string_view>
#include <vector>

namespace ditto::kernels {

// The build defines DITTO_CPU_TARGETS as TARGET(name) for every set it compiles, the plainest first.
#define TARGET(name)                \
  namespace name {                  \
  extern const CpuKernels kKernels; \
  }
DITTO_CPU_TARGETS
#undef TARGET

namespace {

bool processor_runs(std::string_view target) {
#if defined(__x86_64__)
  if (target == "avx2") return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
  if (target == "avx512") {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("f16c");
  }
#endif
  return target == "portable";
}

std::vector<const CpuKernels*> find_runnable() {
  std::vector<const CpuKernels*> runnable;
#define TARGET(name) \
  if (processor_runs(name::kKernels.target)) runnable.push_back(&name::kKernels);
  DITTO_CPU_TARGETS
#undef TARGET
  return runnable;
}

std::atomic<const CpuKernels*> scoped = nullptr;

}  // namespace

std::span<const CpuKernels* const> runnable_cpu_kernels() {
  static const std::vector<const CpuKernels*> runnable = find_runnable();
  return runnable;
}

const CpuKernels& cpu_kernels() {
  static const CpuKernels* const best = runnable_cpu_kernels().back();
  const CpuKernels* const chosen = scoped.load(std::memory_order_relaxed);
  return chosen != nullptr ? *chosen : *best;
}

ScopedCpuKernels::ScopedCpuKernels(const CpuKernels& kernels) { scoped = &kernels; }
ScopedCpuKernels::~ScopedCpuKernels() { scoped = nullptr; }

}  // namespace ditto::kernels
