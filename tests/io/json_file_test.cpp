#include "io/json_file.h"

#include <chrono>

#include <nlohmann/json.hpp>

#include "io/io_support.h"

namespace ditto::test {
namespace {

using namespace std::string_literals;
using nlohmann::json;

struct BadJson {
  const char* name;
  std::string text;
  const char* cause;
};

void PrintTo(const BadJson& file, std::ostream* out) { *out << file.name; }

class BadJsonFile : public testing::TestWithParam<BadJson> {};

TEST_P(BadJsonFile, IsRefusedWithFileAndOffset) {
  const TempFolder folder;
  const fs::path path = write_file(folder / "config.json", GetParam().text);
  const std::string message = error_of(ExitCode::kBadInputFile, [&] { read_json_file(path); });
  EXPECT_TRUE(contains(message, path.string() + ": byte "));
  EXPECT_TRUE(contains(message, GetParam().cause));
}

INSTANTIATE_TEST_SUITE_P(
    Files, BadJsonFile,
    testing::Values(
        BadJson{"Empty", "", "byte 0: not JSON: syntax error while parsing value - unexpected end of input"},
        BadJson{"Truncated", R"({"steps": 5)", "byte 11: not JSON"},
        BadJson{"TrailingComma", R"({"steps": 5,})", "byte 13: not JSON"},
        BadJson{"TwoDocuments", "{} {}", "byte 4: not JSON"}, BadJson{"Nul", "{}\0{}"s, "byte 2: not JSON: NUL byte"},
        BadJson{"NotUtf8", "{\"\xff\": 1}", "ill-formed UTF-8"},
        BadJson{"Latin1Text", "[\"caf\xe9\"]", "ill-formed UTF-8"},
        BadJson{"NotANumber", R"({"shift": NaN})", "not JSON"},
        BadJson{"Infinity", R"({"shift": -Infinity})", "not JSON"},
        BadJson{"BeyondDouble", R"({"shift": 1e400})", "number overflow parsing '1e400'"},
        BadJson{"DuplicateKey", R"({"steps": 5, "steps": 6})", "byte 20: key 'steps' occurs twice"},
        BadJson{"NestedDuplicateKey", R"([{"a": {"b": 1, "c": 2, "b": 3}}])", "key 'b' occurs twice"},
        BadJson{"DuplicateEscapedKey", R"({"a": 1, "\u0061": 2})", "key 'a' occurs twice"},
        BadJson{"DeepArrays", std::string(100'000, '['), "byte 65: nested too deeply; accepted: up to 64 levels"},
        BadJson{"DeepObjects",
                [] {
                  std::string text;
                  for (int i = 0; i < 100'000; ++i) text += "{\"a\":";
                  return text;
                }(),
                "nested too deeply"},
        BadJson{"LineBreaksInText", "[\"a\nb\"]", "not JSON"},
        BadJson{"LongText", "[\"" + std::string(1'000'000, 'x') + "\n\"]", "..."}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(JsonFile, ReadsWhatNlohmannReads) {
  const TempFolder folder;
  const std::string text =
      R"({"a": [1, -2, 3.5, true, false, null, "t\u00e9xt", {}, []], "b": {"c": {"d": [[], [{"e": 1e-3}]]}}, "": 18446744073709551615})";
  EXPECT_EQ(read_json_file(write_file(folder / "a.json", text)), json::parse(text));
  EXPECT_EQ(read_json_file(write_file(folder / "b.json", "\xef\xbb\xbf [7] \n")), json::parse("[7]"));
  EXPECT_EQ(parse_json("true", "line 3"), json(true));
}

TEST(JsonFile, LimitsAreChecked) {
  const TempFolder folder;
  const fs::path path = write_file(folder / "a.json", "[1, 2, 3]");
  EXPECT_EQ(read_json_file(path, {.max_bytes = 9, .max_depth = 1, .max_values = 4}).size(), 3u);
  const auto refusal = [&](JsonLimits limits) {
    return error_of(ExitCode::kBadInputFile, [&] { read_json_file(path, limits); });
  };
  EXPECT_TRUE(contains(refusal({.max_bytes = 8}), "holds 9 bytes; accepted: up to 8"));
  EXPECT_TRUE(contains(refusal({.max_depth = 0}), "accepted: up to 0 levels"));
  EXPECT_TRUE(contains(refusal({.max_values = 3}), "more than 3 JSON values"));
}

TEST(JsonFile, ManyEmptyContainersStayWithinTimeAndMemory) {
  const TempFolder folder;
  std::string text = "[";
  for (int i = 0; i < 20'000'000; ++i) text += "{},";
  const fs::path path = write_file(folder / "a.json", text);
  const std::uint64_t before = peak_memory();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(
      contains(error_of(ExitCode::kBadInputFile, [&] { read_json_file(path); }), "more than 4000000 JSON values"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  EXPECT_LT(peak_memory() - before, 1u << 30);
}

TEST(JsonFile, RefusesWhatIsNoRegularFile) {
  EXPECT_TRUE(
      contains(error_of(ExitCode::kBadInputFile, [] { read_json_file("/dev/zero"); }), "/dev/zero: is a device"));
  EXPECT_TRUE(contains(error_of(ExitCode::kBadInputFile, [] { read_json_file("/"); }), "/: is a folder"));
}

class JsonReading : public testing::Test {
 protected:
  template <typename Read>
  std::string refusal(Read read) {
    return error_of(ExitCode::kBadInputFile, [&] {
      JsonReader reader(document_, "config.json");
      read(reader);
    });
  }

  json document_ = json::parse(R"({
    "steps": 50, "shift": 3.0, "flow": true, "solver": "unipc", "sizes": [1, 2, 2], "rates": [0.5, 1],
    "names": ["a", "b"], "none": null, "big": 18446744073709551615, "inner": {"depth": 4},
    "rows": [{"x": 1}, {"x": "two"}]
  })");
};

TEST_F(JsonReading, GetsEveryType) {
  JsonReader reader(document_, "config.json");
  EXPECT_EQ(reader.integer("steps", {.min = 1, .max = 50}), 50);
  EXPECT_EQ(reader.unsigned_integer("big"), 18446744073709551615u);
  EXPECT_EQ(reader.number("shift"), 3.0);
  EXPECT_EQ(reader.number("steps"), 50.0);
  EXPECT_TRUE(reader.boolean("flow"));
  EXPECT_EQ(reader.text("solver"), "unipc");
  EXPECT_EQ(reader.choice("solver", std::vector<std::string>{"euler", "unipc"}), "unipc");
  EXPECT_EQ(reader.integers("sizes", {.min = 1}), (std::vector<std::int64_t>{1, 2, 2}));
  EXPECT_EQ(reader.numbers("rates"), (std::vector<double>{0.5, 1.0}));
  EXPECT_EQ(reader.texts("names"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(reader.object("inner").integer("depth"), 4);
  EXPECT_EQ(reader.objects("rows").size(), 2u);
  EXPECT_TRUE(reader.value("none").is_null());
  EXPECT_FALSE(reader.has("none"));
  EXPECT_FALSE(reader.has("missing"));
  EXPECT_TRUE(reader.has("steps"));
}

TEST_F(JsonReading, FallsBackWhenMissingOrNull) {
  JsonReader reader(document_, "config.json");
  EXPECT_EQ(reader.integer("missing", {}, 7), 7);
  EXPECT_EQ(reader.integer("none", {}, 7), 7);
  EXPECT_EQ(reader.unsigned_integer("missing", 7), 7u);
  EXPECT_EQ(reader.number("missing", {}, 0.5), 0.5);
  EXPECT_FALSE(reader.boolean("missing", false));
  EXPECT_EQ(reader.text("missing", "x"), "x");
  EXPECT_EQ(reader.choice("missing", std::vector<std::string>{"a"}, "a"), "a");
  EXPECT_EQ(reader.integers("missing", {}, std::vector<std::int64_t>{1}), std::vector<std::int64_t>{1});
  EXPECT_EQ(reader.numbers("missing", {}, std::vector<double>{}), std::vector<double>{});
  EXPECT_EQ(reader.texts("missing", std::vector<std::string>{}), std::vector<std::string>{});
}

TEST_F(JsonReading, SaysWhatIsWrongAndWhatIsAccepted) {
  using Reader = JsonReader&;
  EXPECT_EQ(refusal([](Reader r) { r.integer("layers", {.min = 1}); }),
            "config.json: layers: is missing; accepted: an integer from 1");
  EXPECT_EQ(refusal([](Reader r) { r.integer("step"); }),
            "config.json: step: is missing (there is 'steps'); accepted: an integer");
  EXPECT_EQ(refusal([](Reader r) { r.integer("none"); }), "config.json: none: is missing; accepted: an integer");
  EXPECT_EQ(refusal([](Reader r) { r.integer("steps", {.min = 51, .max = 99}); }),
            "config.json: steps: is 50; accepted: an integer from 51 to 99");
  EXPECT_EQ(refusal([](Reader r) { r.integer("steps", {.max = 9}); }),
            "config.json: steps: is 50; accepted: an integer up to 9");
  EXPECT_EQ(refusal([](Reader r) { r.integer("shift"); }), "config.json: shift: is 3.0; accepted: an integer");
  EXPECT_EQ(refusal([](Reader r) { r.integer("big"); }),
            "config.json: big: is 18446744073709551615; accepted: an integer");
  EXPECT_EQ(refusal([](Reader r) { r.unsigned_integer("shift"); }),
            "config.json: shift: is 3.0; accepted: an integer from 0 to 18446744073709551615");
  EXPECT_EQ(refusal([](Reader r) { r.number("solver", {.min = 0}); }),
            "config.json: solver: is \"unipc\"; accepted: a number from 0");
  EXPECT_EQ(refusal([](Reader r) { r.number("shift", {.min = 0, .max = 1}); }),
            "config.json: shift: is 3.0; accepted: a number from 0 to 1");
  EXPECT_EQ(refusal([](Reader r) { r.boolean("steps"); }), "config.json: steps: is 50; accepted: true or false");
  EXPECT_EQ(refusal([](Reader r) { r.text("rows"); }), "config.json: rows: is an array of 2 values; accepted: a text");
  EXPECT_EQ(refusal([](Reader r) {
              r.choice("solver", std::vector<std::string>{"unipcs", "euler"});
            }),
            "config.json: solver: is \"unipc\" (did you mean 'unipcs'?); accepted: unipcs, euler");
  EXPECT_EQ(refusal([](Reader r) { r.integers("sizes", {.min = 2}); }),
            "config.json: sizes: value 0 is 1; accepted: an array, each an integer from 2");
  EXPECT_EQ(refusal([](Reader r) { r.numbers("names"); }),
            "config.json: names: value 0 is \"a\"; accepted: an array, each a number");
  EXPECT_EQ(refusal([](Reader r) { r.texts("sizes"); }),
            "config.json: sizes: value 0 is 1; accepted: an array of texts");
  EXPECT_EQ(refusal([](Reader r) { r.object("inner").integer("width"); }),
            "config.json: inner.width: is missing; accepted: an integer");
  EXPECT_EQ(refusal([](Reader r) { r.object("steps"); }), "config.json: steps: is 50; accepted: an object");
  EXPECT_EQ(refusal([](Reader r) { r.objects("rows")[1].integer("x"); }),
            "config.json: rows[1].x: is \"two\"; accepted: an integer");
  EXPECT_EQ(refusal([](Reader r) { r.objects("sizes"); }), "config.json: sizes[0]: is 1; accepted: an object");
  EXPECT_EQ(refusal([](Reader r) { r.value("missing"); }), "config.json: missing: is missing; accepted: a value");
  EXPECT_EQ(refusal([](Reader r) { r.fail("steps", "is odd", "even counts"); }),
            "config.json: steps: is odd; accepted: even counts");
  const json list = json::array();
  EXPECT_EQ(error_of(ExitCode::kBadInputFile, [&] { JsonReader(list, "a.json"); }),
            "a.json: is an array of 0 values; accepted: an object");
}

TEST(JsonReader, UnknownKeysAreNamedWithTheNearest) {
  const json document = json::parse(R"({"intervall": 3, "order": 1})");
  JsonReader reader(document, "plan.json");
  reader.integer("interval", {}, 1);
  reader.integer("order");
  EXPECT_EQ(reader.unknown_keys(), std::vector<std::string>{"intervall"});
  EXPECT_EQ(error_of(ExitCode::kBadInputFile, [&] { reader.refuse_unknown_keys(); }),
            "plan.json: intervall: unknown key (did you mean 'interval'?); accepted: interval, order");
  reader.integer("intervall");
  reader.refuse_unknown_keys();
}

}  // namespace
}  // namespace ditto::test
