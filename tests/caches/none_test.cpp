#include <gtest/gtest.h>

#include "caches/patterns.h"

namespace ditto::test {
namespace {

TEST(None, DecidesNothingAndComputesEverything) {
  const ToyModel toy;
  const Result result = run_toy(toy, toy_request(), {"none"});
  EXPECT_TRUE(result.trace.run.sites.empty());
  EXPECT_TRUE(result.trace.events.empty());
  EXPECT_EQ(result.cache_bytes_peak, 0);
  EXPECT_TRUE(is_full_compute("none"));
}

}  // namespace
}  // namespace ditto::test
