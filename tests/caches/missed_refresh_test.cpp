// A branch or site that another policy leaves out of a computed step makes up for it, whoever decides by the step alone
// or for both branches at once.

#include "caches/missed_refresh.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "toy_support.h"

namespace ditto::test {
namespace {

constexpr int kSteps = 30;

/// The last step up to `step` with the letter C; -1 without one.
int last_computed(const std::string& pattern, int step) {
  return static_cast<int>(pattern.substr(0, static_cast<std::size_t>(step) + 1).rfind('C'));
}

class MissedRefresh : public testing::TestWithParam<const char*> {};

TEST_P(MissedRefresh, IsMadeUpForByTheBranchThatWasLeftOut) {
  const ToyModel model;
  const Result result = run_toy(model, toy_request(kSteps), {GetParam(), "fastercache:parts=guidance"});
  int reused = 0, left_out = 0;
  for (const Site& site : result.trace.run.sites) {
    if (site.name == "prediction.branch_delta") continue;
    const std::string conditional = result.trace.pattern(site.name, Branch::kConditional);
    const std::string unconditional = result.trace.pattern(site.name, Branch::kUnconditional);
    for (int step = 0; step < kSteps; ++step) {
      const char letter = unconditional[static_cast<std::size_t>(step)];
      left_out += letter == '-' ? 1 : 0;
      if (letter != 'R') continue;
      ++reused;
      EXPECT_GE(last_computed(unconditional, step), last_computed(conditional, step))
          << site.name << ", step " << step << "\n"
          << conditional << "\n"
          << unconditional;
    }
  }
  EXPECT_GT(reused, 0) << "nothing to judge";
  EXPECT_GT(left_out, 0) << "nothing to judge";
}

INSTANTIATE_TEST_SUITE_P(Policies, MissedRefresh,
                         testing::Values("fora:interval=4", "deltadit:interval=4",
                                         "pab:timestep_high=999,timestep_low=1", "profilingdit:background=0,interval=4",
                                         "adacache:codebook=3", "bwcache:threshold=100,max_reuse=3,tail_rule=none",
                                         "dbcache:branch=conditional,threshold=10,first_blocks=1,max_reuse=3"));

TEST(MissedRefreshOfASite, IsMadeUpForAfterAnEnclosingSiteWasReused) {
  const ToyModel model;
  const Result result = run_toy(model, toy_request(kSteps), {"interval:interval=2", "fora:interval=4"});
  const std::string pattern = result.trace.pattern("blocks.0.self_attention", Branch::kConditional);
  for (int step = 0; step < kSteps; ++step) {
    if (pattern[static_cast<std::size_t>(step)] != 'R') continue;
    EXPECT_LT(step - last_computed(pattern, step), 4) << pattern;
  }
  EXPECT_NE(pattern.find('R'), std::string::npos) << pattern;
}

}  // namespace
}  // namespace ditto::test
