// A whole run of a Wan model without compiled kernels against one with them.

#include <gtest/gtest.h>

#include "kernel_spy.h"
#include "models/registry.h"
#include "numeric.h"
#include "runtime/pipeline.h"
#include "test_paths.h"
#include "tolerances.h"
#include "toy_support.h"

namespace ditto::test {
namespace {

Result run(KernelMode kernels, const std::string& cache) {
  LoadOptions options;
  options.kernels = kernels;
  Request request;
  request.prompt = "a red circle";
  request.width = 48;
  request.height = 32;
  request.frames = 5;
  request.steps = 6;
  request.guidance = 5;
  return run_toy(*load_model(data_path("wan/tiny-pipeline"), options), request, {cache});
}

TEST(WanReferenceMode, CallsNoCompiledKernel) {
  for (const char* cache : {"none", "taylorseer:interval=2", "bwcache:threshold=0.5"}) {
    SCOPED_TRACE(cache);
    const KernelSpy spy;
    const Result meaning = run(KernelMode::kReference, cache);
    EXPECT_EQ(spy.calls(), 0);
    const Result fused = run(KernelMode::kAuto, cache);
    EXPECT_GT(spy.calls(), 0);
    EXPECT_LE(relative_error(fused.latents, meaning.latents), tolerance::kPipelineFloat32);
  }
}

}  // namespace
}  // namespace ditto::test
