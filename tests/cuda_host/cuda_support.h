#pragma once

#include <gtest/gtest.h>

#include "cuda_host/fibres.h"
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/host/matrices.h"
#include "kernels/kernel_support.h"

namespace ditto::kernels::fibres {
extern const CudaKernels kKernels;
}  // namespace ditto::kernels::fibres

namespace ditto::test {

inline const kernels::CudaKernels& cuda_on_host() { return kernels::fibres::kKernels; }

inline kernels::MatrixView matrix(const at::Tensor& tensor) { return kernels::matrix_view(tensor).value(); }
inline kernels::ElementType type_of(const at::Tensor& tensor) { return kernels::element_type(tensor).value(); }

/// Runs run() in every order of threads and blocks: all must give the same bits, which are returned.
at::Tensor same_in_every_order(const auto& run) {
  at::Tensor first;
  for (const Turns turns : kAllTurns) {
    const ScopedTurns scoped(turns);
    const at::Tensor result = run();
    if (!first.defined()) first = result;
    EXPECT_TRUE(at::equal(first.view(at::kByte), result.view(at::kByte)));
  }
  return first;
}

/// Without any one of its `barriers` the kernel is at fault, in every order.
void expect_every_barrier_needed(int barriers, const auto& run) {
  for (const Turns turns : kAllTurns) {
    const ScopedTurns scoped(turns);
    for (int missing = 0; missing < barriers; ++missing) {
      const ScopedMissingBarrier flaw(missing);
      EXPECT_THROW(run(), KernelFault) << "barrier " << missing;
    }
    const ScopedMissingBarrier none(barriers);
    EXPECT_NO_THROW(run());
  }
}

}  // namespace ditto::test
