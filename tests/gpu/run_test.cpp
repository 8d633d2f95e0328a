// Whole runs of a Wan model on a GPU, against its unfused meaning there and the CPU. Without a GPU there is nothing to
// run.

#include <ATen/Context.h>

#include <gtest/gtest.h>

#include "numeric.h"
#include "tiny_pipeline.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

class OnGpu : public ::testing::TestWithParam<const char*> {
  void SetUp() override {
    if (!at::hasCUDA()) GTEST_SKIP() << "no GPU, or a build without CUDA";
  }
};

TEST_P(OnGpu, RunsAlike) {
  const std::vector<std::string> policy = {GetParam()};
  const Result cpu = run_tiny_pipeline({}, policy);
  for (const KernelMode kernels : {KernelMode::kAuto, KernelMode::kReference}) {
    const Result gpu = run_tiny_pipeline({.device = c10::Device(at::kCUDA, 0), .kernels = kernels}, policy);
    EXPECT_LE(relative_error(gpu.latents.cpu(), cpu.latents), tolerance::kPipelineFloat32);
    EXPECT_EQ(gpu.counts.units_computed, cpu.counts.units_computed);
  }
}

TEST(DecodingOnGpu, GivesTheFramesOfTheCpu) {
  if (!at::hasCUDA()) GTEST_SKIP() << "no GPU, or a build without CUDA";
  const auto decoded = [](const LoadOptions& options) {
    const auto model = load_model(data_path("wan/tiny-pipeline"), options);
    const Result full = run_tiny_pipeline({}, {});
    return model->decode(full.latents.to(options.device), [](int, int) { return true; }).cpu();
  };
  EXPECT_LE(relative_error(decoded({.device = c10::Device(at::kCUDA, 0)}), decoded({})), tolerance::kPipelineFloat32);
}

INSTANTIATE_TEST_SUITE_P(Policies, OnGpu,
                         ::testing::Values("none", "steps:compute=4", "easycache", "teacache", "seacache", "firstblock",
                                           "bwcache:threshold=0.5", "taylorseer:interval=2", "foca:interval=2",
                                           "fastercache", "pab"));

}  // namespace
}  // namespace ditto::test
