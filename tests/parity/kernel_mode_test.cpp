// A whole run of a Wan model without compiled kernels against one with them.

#include <gtest/gtest.h>

#include "kernel_spy.h"
#include "numeric.h"
#include "tiny_pipeline.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

TEST(WanReferenceMode, CallsNoCompiledKernel) {
  for (const char* cache : {"none", "taylorseer:interval=2", "bwcache:threshold=0.5"}) {
    SCOPED_TRACE(cache);
    const KernelSpy spy;
    const Result meaning = run_tiny_pipeline({.kernels = KernelMode::kReference}, {cache});
    EXPECT_EQ(spy.calls(), 0);
    const Result fused = run_tiny_pipeline({}, {cache});
    EXPECT_GT(spy.calls(), 0);
    EXPECT_LE(relative_error(fused.latents, meaning.latents), tolerance::kPipelineFloat32);
  }
}

}  // namespace
}  // namespace ditto::test
