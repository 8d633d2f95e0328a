#include "text/prompt_cleaning.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "io/json_file.h"
#include "test_paths.h"
#include "text/html_entities.h"

namespace ditto {
namespace {

std::string message_of(std::string_view prompt, PromptCleaning cleaning) {
  try {
    clean_prompt(prompt, cleaning);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    return error.what();
  }
  return "no error";
}

TEST(HtmlEntities, NamedReferencesFollowPython) {
  EXPECT_EQ(unescape_html("&lt;b&gt; &amp;amp; &eacute;"), "<b> &amp; \u00E9");
  EXPECT_EQ(unescape_html("&notit;"), "\u00ACit;");
  EXPECT_EQ(unescape_html("&notin;"), "\u2209");
  EXPECT_EQ(unescape_html("&copy2024 &copyright"), "\u00A92024 \u00A9right");
  EXPECT_EQ(unescape_html("&NotEqualTilde;"), "\u2242\u0338");
  EXPECT_EQ(unescape_html("&CounterClockwiseContourIntegral;"), "\u2233");
  EXPECT_EQ(unescape_html("&hellip"), "&hellip") << "only old names work without a semicolon";
  EXPECT_EQ(unescape_html("&unknown; & &; &&lt;"), "&unknown; & &; &<");
  EXPECT_EQ(unescape_html("&amp\u732B"), "&\u732B");
}

TEST(HtmlEntities, NumericReferencesFollowPython) {
  EXPECT_EQ(unescape_html("&#65;&#x42;&#X43 &#68"), "ABC D");
  EXPECT_EQ(unescape_html("&#128;&#x99;&#129;"), "\u20AC\u2122\u0081");
  EXPECT_EQ(unescape_html("&#0;&#xD800;&#x110000;&#99999999999999999999;"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(unescape_html("a&#1;b&#x7F;c&#xFFFE;d&#xFDD0;e&#11;f&#x1FFFF;g"), "abcdefg");
  EXPECT_EQ(unescape_html("&#13;&#9;"), "\r\t");
  EXPECT_EQ(unescape_html("&#; &#x; &#xg; &#-1;"), "&#; &#x; &#xg; &#-1;");
}

TEST(PromptCleaning, NoneReturnsThePromptAsTyped) {
  EXPECT_EQ(clean_prompt("  a &amp;\t\u201Cb\u201D ", PromptCleaning::kNone), "  a &amp;\t\u201Cb\u201D ");
}

TEST(PromptCleaning, BasicUnescapesTwiceAndCollapsesUnicodeSpace) {
  EXPECT_EQ(clean_prompt("\u3000 a\u00A0\u2003b\n\n\u0085c\x1F", PromptCleaning::kBasic), "a b c");
  EXPECT_EQ(clean_prompt("&amp;lt; &amp;amp;lt;", PromptCleaning::kBasic), "< &lt;");
  EXPECT_EQ(clean_prompt("&nbsp;x&amp;nbsp;", PromptCleaning::kBasic), "x");
  EXPECT_EQ(clean_prompt(" \t\n", PromptCleaning::kBasic), "");
  EXPECT_EQ(clean_prompt("\u200Ba", PromptCleaning::kBasic), "\u200Ba") << "a zero-width space is no whitespace";
}

TEST(PromptCleaning, FtfyLiteMapsLigaturesWidthQuotesAndComposes) {
  EXPECT_EQ(clean_prompt("\uFB01sh o\uFB03ce \u0133", PromptCleaning::kFtfyLite), "fish office ij");
  EXPECT_EQ(clean_prompt("\uFF32\uFF45\uFF44\uFF0C\u3000\uFF76\uFF9E\uFFE5", PromptCleaning::kFtfyLite),
            "Red, \u30AC\u00A5");
  EXPECT_EQ(clean_prompt("\u2018a\u2019 \u201Eb\u201C", PromptCleaning::kFtfyLite), "'a' \"b\"");
  EXPECT_EQ(clean_prompt("cafe\u0301 \u212B", PromptCleaning::kFtfyLite), "caf\u00E9 \u00C5");
  EXPECT_EQ(clean_prompt("\u0149", PromptCleaning::kFtfyLite), "'n") << "the ligature yields a quote to straighten";
}

TEST(PromptCleaning, EqualsPythonOnTheFixture) {
  const nlohmann::json fixture = read_json_file(test::data_path("wan/tokenizer.json.strings.json"));
  int compared = 0;
  for (const nlohmann::json& entry : fixture.at("cases")) {
    const auto text = entry.at("text").get<std::string>();
    if (text.find('\0') != std::string::npos) {
      EXPECT_NE(message_of(text, PromptCleaning::kBasic).find("NUL"), std::string::npos);
      continue;
    }
    EXPECT_EQ(clean_prompt(text, PromptCleaning::kBasic), entry.at("cleaned_without_ftfy")) << text;
    const std::string cleaned = clean_prompt(text, PromptCleaning::kFtfyLite);
    EXPECT_EQ(cleaned == entry.at("cleaned"), entry.at("four_steps_suffice").get<bool>()) << text << " -> " << cleaned;
    ++compared;
  }
  EXPECT_GE(compared, 199);
}

TEST(PromptCleaning, RefusesInvalidUtf8AndNulInEveryMode) {
  for (const PromptCleaning cleaning : {PromptCleaning::kNone, PromptCleaning::kBasic, PromptCleaning::kFtfyLite}) {
    EXPECT_EQ(message_of("red\xFF", cleaning),
              "prompt: byte 0xff at offset 3 is not valid UTF-8; accepted: UTF-8 text");
    EXPECT_EQ(message_of(std::string_view("a\0b", 3), cleaning),
              "prompt: NUL character at offset 1; accepted: UTF-8 text without NUL");
  }
  EXPECT_NE(message_of("\xED\xA0\x80", PromptCleaning::kBasic).find("offset 0"), std::string::npos) << "a surrogate";
  EXPECT_NE(message_of("ab\xC0\xAF", PromptCleaning::kBasic).find("offset 2"), std::string::npos) << "overlong";
  EXPECT_NE(message_of("\xE7\x8C", PromptCleaning::kBasic).find("offset 0"), std::string::npos) << "cut short";
}

TEST(PromptCleaning, NamesReadBackAndOthersAreRefused) {
  for (const PromptCleaning cleaning : {PromptCleaning::kNone, PromptCleaning::kBasic, PromptCleaning::kFtfyLite}) {
    EXPECT_EQ(parse_prompt_cleaning(to_string(cleaning)), cleaning);
  }
  try {
    parse_prompt_cleaning("ftfy");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_STREQ(error.what(), "--prompt-clean: unknown value 'ftfy'; accepted: none, basic, ftfy-lite");
  }
}

}  // namespace
}  // namespace ditto
