#pragma once

#include <gtest/gtest.h>

#if defined(DITTO_FIBRES)
#include "cuda_host/fibres.h"
#else
#include "kernels/cpu/cpu_kernels.h"
#endif

namespace ditto::test {

/// Runs a check with each set of compiled kernels that this processor runs; among the tests of the GPU's kernels on the
/// host (cuda_host), with their threads in every order.
void on_every_target(const auto& check) {
#if defined(DITTO_FIBRES)
  for (const Turns turns : kAllTurns) {
    const ScopedTurns scoped(turns);
    check();
  }
#else
  for (const kernels::CpuKernels* const target : kernels::runnable_cpu_kernels()) {
    SCOPED_TRACE(target->target);
    const kernels::ScopedCpuKernels scoped(*target);
    check();
  }
#endif
}

}  // namespace ditto::test
