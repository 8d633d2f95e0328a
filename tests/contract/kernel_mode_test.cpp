// Every registered policy without compiled kernels: `--kernels reference` is the meaning of everything that runs.

#include <gtest/gtest.h>

#include "kernel_spy.h"
#include "numeric.h"
#include "policy_cases.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

class ReferenceMode : public ::testing::TestWithParam<std::string> {};

void expect_alike(const Request& request, const std::vector<std::string>& policies) {
  const ToyModel fused, unfused({.kernels = KernelMode::kReference});
  const KernelSpy spy;
  const Result meaning = run_toy(unfused, request, policies);
  EXPECT_EQ(spy.calls(), 0);
  const Result result = run_toy(fused, request, policies);
  EXPECT_GT(spy.calls(), 0);
  EXPECT_LE(relative_error(result.latents, meaning.latents), tolerance::kPipelineFloat32);
  ASSERT_EQ(result.trace.events.size(), meaning.trace.events.size());
  for (std::size_t i = 0; i < meaning.trace.events.size(); ++i) {
    const TraceEvent &mine = result.trace.events[i], &theirs = meaning.trace.events[i];
    EXPECT_TRUE(mine.step == theirs.step && mine.branch == theirs.branch && mine.site == theirs.site);
    EXPECT_EQ(mine.action, theirs.action) << "step " << mine.step << ", " << mine.site;
  }
}

TEST_P(ReferenceMode, CallsNoCompiledKernelAndDecidesAlike) {
  expect_alike(case_request(), {example_of(entry_of(GetParam()))});
}

TEST(ReferenceModeOfStacks, CallsNoCompiledKernel) {
  expect_alike(case_request(), {"steps:compute=8", "firstblock", "easycache"});
}

TEST(ReferenceModeOfSolvers, CallsNoCompiledKernel) {
  for (const char* solver : {"euler", "unipc"}) {
    Request request = case_request();
    request.solver = solver;
    expect_alike(request, {"firstblock"});
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, ReferenceMode, ::testing::ValuesIn(policy_names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace ditto::test
