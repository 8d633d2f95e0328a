#include <vector>

#include "core/nearest_name.h"
#include "core/printable.h"
#include "io/io_support.h"

namespace ditto::test {
namespace {

using namespace std::string_literals;

TEST(NearestName, FindsTypingMistakesAndBeginnings) {
  const std::vector<std::string> names{"interval", "threshold", "first_blocks", "last_blocks", "order", "keep"};
  EXPECT_EQ(nearest_name("intervall", names), "interval");
  EXPECT_EQ(nearest_name("treshold", names), "threshold");
  EXPECT_EQ(nearest_name("first-block", names), "first_blocks");
  EXPECT_EQ(nearest_name("FIRST_BLOCKS", names), "first_blocks");
  EXPECT_EQ(nearest_name("odrer", names), "order");
  EXPECT_EQ(nearest_name("thresh", names), "threshold");
  EXPECT_EQ(nearest_name("order", names), "order");
}

TEST(NearestName, IsEmptyWhenNothingIsNear) {
  const std::vector<std::string> names{"interval", "keep", "a"};
  EXPECT_EQ(nearest_name("wavelength", names), "");
  EXPECT_EQ(nearest_name("b", names), "");
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name("interval", {}), "");
  EXPECT_EQ(nearest_name(std::string(1'000'000, 'x'), names), "");
}

TEST(Printable, KeepsTextAndEscapesWhatDisturbsALine) {
  EXPECT_EQ(printable("blocks.3.attn1"), "blocks.3.attn1");
  EXPECT_EQ(printable("caf\xc3\xa9 \xf0\x9f\x8e\xac"), "caf\xc3\xa9 \xf0\x9f\x8e\xac");
  EXPECT_EQ(printable("a\nb\tc\x1b[31m\x7f\0"s), "a\\x0ab\\x09c\\x1b[31m\\x7f\\x00");
  EXPECT_EQ(printable("\xff\xc3(\xe2\x82"), "\\xff\\xc3(\\xe2\\x82");         // not UTF-8, cut short
  EXPECT_EQ(printable("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80");  // overlong, surrogate
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "abc\xc2\x9b"),
            "\\xe2\\x80\\xae"
            "abc\\xc2\\x9b");
  EXPECT_EQ(printable(std::string(500, 'x'), 10), "xxxxxxxxxx...");
}

}  // namespace
}  // namespace ditto::test
