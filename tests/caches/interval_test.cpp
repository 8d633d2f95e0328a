#include <gtest/gtest.h>

#include "caches/patterns.h"

namespace ditto::test {
namespace {

TEST(Interval, ComputesEveryNthStep) {
  EXPECT_EQ(scripted_pattern("interval", 7, "blocks.0-1"), "CRCRCRC");
  EXPECT_EQ(scripted_pattern("interval:interval=3", 8, "blocks.0-1"), "CRRCRRCR");
  EXPECT_EQ(scripted_pattern("interval:interval=3,first=3", 9, "blocks.0-1"), "CCCRRCRRC");
  EXPECT_EQ(scripted_pattern("interval:interval=4,last=2", 9, "blocks.0-1"), "CRRRCRRCC");
  EXPECT_EQ(scripted_pattern("interval:interval=3,first=0", 4, "blocks.0-1"), "CRRC") << "there is nothing to reuse";
  EXPECT_EQ(scripted_pattern("interval:interval=100", 6, "blocks.0-1"), "CRRRRR");
}

TEST(Interval, ActsAtTheChosenSite) {
  const ToyModel toy;
  const auto sites = [&](const std::string& level) {
    std::vector<std::string> names;
    for (const Site& site : run_toy(toy, toy_request(2), {"interval:site=" + level}).trace.run.sites) {
      names.push_back(site.name + " " + std::string(form_name(site.form)));
    }
    return names;
  };
  EXPECT_EQ(sites("stack"), std::vector<std::string>{"blocks.0-2 delta"});
  EXPECT_EQ(sites("prediction"), std::vector<std::string>{"prediction output"});
  EXPECT_EQ(sites("unit").size(), 9U);
  EXPECT_EQ(sites("unit")[4], "blocks.1.cross_attention output");
}

/// The gate moves with the step; outputs are cached before it, so a constant output is reused exactly.
TEST(Interval, IsExactAtUnitsOfConstantOutput) {
  const ToyModel toy({.feature = ToyFeature::kConstant});
  const at::Tensor full = run_toy(toy, toy_request(), {}).latents;
  EXPECT_TRUE(same_bits(run_toy(toy, toy_request(), {"interval:site=unit,interval=4"}).latents, full));
  EXPECT_FALSE(same_bits(run_toy(toy, toy_request(), {"interval:site=stack,interval=4"}).latents, full));
}

TEST(Interval, OfOneIsFullCompute) {
  EXPECT_TRUE(is_full_compute("interval:interval=1"));
  EXPECT_TRUE(is_full_compute("interval:interval=1,site=unit"));
}

}  // namespace
}  // namespace ditto::test
