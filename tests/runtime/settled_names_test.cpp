#include "runtime/settled_names.h"

#include <gtest/gtest.h>

#include "toy_support.h"

namespace ditto::test {
namespace {

using Names = std::vector<std::string>;

TEST(SettledNames, TakeThePlaceOfAuto) {
  const Names names = {"p:blocks=auto,first_blocks=auto,last=auto"};
  EXPECT_EQ(settled_names(names, {{"last", "1"}, {"blocks", "0/2"}}), Names{"p:blocks=0/2,first_blocks=auto,last=1"});
}

TEST(SettledNames, LeaveWhatIsGiven) {
  const Names names = {"p:mode=automatic,steps=3,profile_sha256=auto", "auto"};
  EXPECT_EQ(settled_names(names, {{"mode", "a"}, {"steps", "4"}, {"profile", "q"}, {"sha256", "0"}, {"auto", "b", 1}}),
            names);
}

TEST(SettledNames, AreThoseOfThePolicyInItsPlace) {
  EXPECT_EQ(settled_names({"p:first=auto", "q:first=auto"}, {{"first", "1"}, {"first", "2", 1}, {"first", "3", 2}}),
            (Names{"p:first=1", "q:first=2"}));
  EXPECT_TRUE(settled_names({}, {{"first", "1"}}).empty());
}

TEST(SettledNames, HoldTheValuesOfOptions) {
  const std::string name = "p:first_threshold=2,threshold=0.1,mode=";
  EXPECT_EQ(option_value(name, "threshold"), "0.1");
  EXPECT_EQ(option_value(name, "mode"), "");
  EXPECT_FALSE(option_value(name, "first").has_value());
  EXPECT_FALSE(option_value("threshold=1", "threshold").has_value()) << "the policy is not named";
}

TEST(SettledNames, AreInTheTraceOfARun) {
  const Trace trace = run_toy(ToyModel(), toy_request(), {"steps:compute=6", "firstblock:threshold=0.5"}).trace;
  EXPECT_EQ(trace.run.policies,
            (Names{"steps:compute=6",
                   "firstblock:threshold=0.5,unconditional_threshold=0.5,branch=each,first_blocks=1,"
                   "last_blocks=0,downsample=1,order=0,first=1,last=0"}));
}

}  // namespace
}  // namespace ditto::test
