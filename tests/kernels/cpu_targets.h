#pragma once

#include <gtest/gtest.h>

#include "kernels/cpu/cpu_kernels.h"

namespace ditto::test {

/// Runs a check with each set of compiled kernels that this processor runs.
void on_every_target(const auto& check) {
  for (const kernels::CpuKernels* const target : kernels::runnable_cpu_kernels()) {
    SCOPED_TRACE(target->target);
    const kernels::ScopedCpuKernels scoped(*target);
    check();
  }
}

}  // namespace ditto::test
