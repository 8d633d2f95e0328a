// Whole runs of a Wan model on a GPU, against its unfused meaning there and the CPU. Without a GPU there is nothing to
// run.

#include <ATen/Context.h>

#include <gtest/gtest.h>

#include "models/registry.h"
#include "numeric.h"
#include "test_paths.h"
#include "tolerances.h"
#include "toy_support.h"

namespace ditto::test {
namespace {

Result run(c10::Device device, KernelMode kernels, const std::vector<std::string>& policies) {
  LoadOptions options;
  options.device = device;
  options.kernels = kernels;
  Request request;
  request.prompt = "a red circle";
  request.width = 48;
  request.height = 32;
  request.frames = 5;
  request.steps = 6;
  request.guidance = 5;
  return run_toy(*load_model(data_path("wan/tiny-pipeline"), options), request, policies);
}

class OnGpu : public ::testing::TestWithParam<const char*> {
  void SetUp() override {
    if (!at::hasCUDA()) GTEST_SKIP() << "no GPU, or a build without CUDA";
  }
};

TEST_P(OnGpu, RunsAlike) {
  const Result cpu = run(at::kCPU, KernelMode::kAuto, {GetParam()});
  for (const KernelMode kernels : {KernelMode::kAuto, KernelMode::kReference}) {
    const Result gpu = run(c10::Device(at::kCUDA, 0), kernels, {GetParam()});
    EXPECT_LE(relative_error(gpu.latents.cpu(), cpu.latents), tolerance::kPipelineFloat32);
    EXPECT_EQ(gpu.counts.units_computed, cpu.counts.units_computed);
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, OnGpu,
                         ::testing::Values("none", "steps:compute=4", "easycache", "teacache", "seacache", "firstblock",
                                           "bwcache:threshold=0.5", "taylorseer:interval=2", "foca:interval=2",
                                           "fastercache", "pab"));

}  // namespace
}  // namespace ditto::test
