#include "caches/registry.h"

#include <gtest/gtest.h>

#include "caches/patterns.h"

namespace ditto::test {
namespace {

bool begins(const std::string& text, const std::string& with) { return text.rfind(with, 0) == 0; }

TEST(ParsePolicy, FillsInDefaultsInTheOrderOfTheTable) {
  EXPECT_EQ(parse_policy("none").resolved(), "none");
  EXPECT_EQ(parse_policy("interval").resolved(), "interval:interval=2,site=stack,first=1,last=0");
  EXPECT_EQ(parse_policy("interval:last=2,interval=5").resolved(), "interval:interval=5,site=stack,first=1,last=2");
  EXPECT_EQ(parse_policy(parse_policy("teacache").resolved()).resolved(), parse_policy("teacache").resolved());
}

TEST(ParsePolicy, ReadsEveryType) {
  const PolicyOptions options = parse_policy("teacache:threshold=1.5e-2,indicator=emb_proj,clamp=true,first=3").options;
  EXPECT_EQ(options.number("threshold"), 0.015);
  EXPECT_EQ(options.text("indicator"), "emb_proj");
  EXPECT_TRUE(options.flag("clamp"));
  EXPECT_EQ(options.integer("first"), 3);
  EXPECT_EQ(parse_policy("schedule:file=a=b.jsonl").options.text("file"), "a=b.jsonl");
}

TEST(ParsePolicy, NamesTheNearestPolicy) {
  EXPECT_TRUE(begins(refusal_of("teacach"),
                     "--cache: there is no policy 'teacach'; accepted: did you mean 'teacache'? (none, interval, "))
      << refusal_of("teacach");
  EXPECT_TRUE(begins(refusal_of("TaylorSeer:interval=2"),
                     "--cache: there is no policy 'TaylorSeer'; accepted: did you mean 'taylorseer'?"));
  EXPECT_TRUE(begins(refusal_of("qqqqqq"), "--cache: there is no policy 'qqqqqq'; accepted: none, interval, "));
  EXPECT_TRUE(begins(refusal_of(""), "--cache: there is no policy ''; accepted: none, interval, "));
}

TEST(ParsePolicy, NamesTheNearestOption) {
  EXPECT_EQ(refusal_of("interval:intervall=2"),
            "--cache: interval: there is no option 'intervall'; accepted: did you mean 'interval'? (interval, site, "
            "first, last)");
  EXPECT_TRUE(begins(refusal_of("firstblock:first-blocks=2"),
                     "--cache: firstblock: there is no option 'first-blocks'; accepted: did you mean 'first_blocks'?"));
  EXPECT_EQ(refusal_of("none:interval=2"), "--cache: none: there is no option 'interval'; accepted: no options");
}

TEST(ParsePolicy, RefusesBrokenLists) {
  EXPECT_EQ(refusal_of("interval:interval"),
            "--cache: interval: 'interval' is no option; accepted: key=value,key=value");
  EXPECT_EQ(refusal_of("interval:=2"), "--cache: interval: '=2' is no option; accepted: key=value,key=value");
  EXPECT_EQ(refusal_of("interval:first=1,,last=1"),
            "--cache: interval: '' is no option; accepted: key=value,key=value");
  EXPECT_EQ(refusal_of("interval:first=1,first=1"),
            "--cache: interval: 'first' is given twice; accepted: each option once");
}

TEST(ParsePolicy, NamesTheAcceptedValues) {
  for (const std::string value : {"0", "-1", "two", "2.5", " 2", "+2", "2147483648", ""}) {
    EXPECT_EQ(refusal_of("interval:interval=" + value),
              "--cache: interval:interval: '" + value + "' is not possible; accepted: an integer from 1 to 1000000000");
  }
  for (const std::string value : {"-0.1", "nan", "inf", "1e10", "0x1", "much"}) {
    EXPECT_EQ(refusal_of("teacache:threshold=" + value),
              "--cache: teacache:threshold: '" + value + "' is not possible; accepted: a number from 0 to 1000000000");
  }
  EXPECT_EQ(refusal_of("teacache:clamp=yes"), "--cache: teacache:clamp: 'yes' is not possible; accepted: true, false");
  EXPECT_EQ(refusal_of("interval:site=stacks"),
            "--cache: interval:site: 'stacks' is not possible; accepted: did you mean 'stack'? (stack, block, "
            "unit, prediction)");
  EXPECT_EQ(refusal_of("schedule"),
            "--cache: schedule:file: is empty; accepted: the path of a trace or schedule (JSON Lines)");
}

TEST(MakePolicy, StacksSpecificationsAndTakesNoneForFullCompute) {
  const ToyModel toy;
  const Result full = run_toy(toy, toy_request(), {});
  EXPECT_EQ(full.counts.units_computed, full.units_total);
  const Result stacked = run_toy(toy, toy_request(), {"interval:site=prediction", "taylorseer:first=1,interval=2"});
  EXPECT_EQ(stacked.trace.run.sites.size(), 10U);
  EXPECT_EQ(stacked.trace.pattern("prediction", Branch::kConditional), "CRCRCRCRCR");
  EXPECT_EQ(stacked.trace.pattern("blocks.0.self_attention", Branch::kConditional), "C-C-C-C-C-");
}

TEST(MakePolicy, GivesEveryRunAnObjectOfItsOwn) {
  const std::vector<PolicySpec> specifications = {parse_policy("easycache")};
  EXPECT_NE(make_policy(specifications).get(), make_policy(specifications).get());
}

}  // namespace
}  // namespace ditto::test
