// Untrusted safetensors files: each must be refused with one line that names the file and the cause.
#include <chrono>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "io/io_support.h"
#include "io/safetensors.h"

namespace ditto::test {
namespace {

using namespace std::string_literals;

struct BadFile {
  const char* name;
  std::string bytes;
  const char* cause;
};

void PrintTo(const BadFile& file, std::ostream* out) { *out << file.name; }

std::string length_only(std::uint64_t length) {
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + "{}";
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", name, dtype, shape, offsets);
}

std::string braced(const std::string& entries) { return fmt::format("{{{}}}", entries); }

std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets, std::size_t data) {
  return safetensors_bytes(braced(entry("a", dtype, shape, offsets)), data);
}

class BadSafetensors : public testing::TestWithParam<BadFile> {};

TEST_P(BadSafetensors, IsRefusedWithItsCause) {
  const TempFolder folder;
  const fs::path path = write_file(folder / "weights.safetensors", GetParam().bytes);
  const std::string message = error_of(ExitCode::kBadInputFile, [&] { SafetensorsFile{path}; });
  EXPECT_TRUE(contains(message, path.string()));
  EXPECT_TRUE(contains(message, GetParam().cause));
}

const auto name_of = [](const auto& info) { return std::string(info.param.name); };

INSTANTIATE_TEST_SUITE_P(
    Length, BadSafetensors,
    testing::Values(BadFile{"Empty", "", "is empty"}, BadFile{"OneByte", "\x01", "holds 1 bytes"},
                    BadFile{"SevenBytes", "1234567", "holds 7 bytes"},
                    BadFile{"LengthZero", length_only(0), "header length 0 at byte 0 is too small"},
                    BadFile{"LengthOne", length_only(1), "header length 1 at byte 0 is too small"},
                    BadFile{"LengthBeyondFile", length_only(3), "header length 3 at byte 0 exceeds the file of 10"},
                    BadFile{"LengthBeyondCap", length_only(100'000'001), "exceeds 100000000"},
                    BadFile{"LengthTwoTo63", length_only(1ull << 63), "exceeds 100000000"},
                    BadFile{"LengthAllOnes", length_only(~0ull), "exceeds 100000000"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Json, BadSafetensors,
    testing::Values(
        BadFile{"NotUtf8", safetensors_bytes("{\"\xff\xfe\":{}}"), "UTF-8"},
        BadFile{"Surrogate", safetensors_bytes("{\"\xed\xa0\x80\":{}}"), "UTF-8"},
        BadFile{"Truncated", safetensors_bytes("{\"a\":{\"dtype\":"), "byte 14: not JSON"},
        BadFile{"Garbage", safetensors_bytes("{garbage}"), "not JSON"},
        BadFile{"TwoDocuments", safetensors_bytes("{}{}"), "not JSON"},
        BadFile{"Comment", safetensors_bytes("{/* */}"), "not JSON"},
        BadFile{"NotANumber", one("F32", "[NaN]", "[0,4]", 4), "not JSON"},
        BadFile{"HugeNumber", one("F32", "[1e400]", "[0,4]", 4), "1e400"},
        BadFile{"Nul", safetensors_bytes("{}\0\0"s), "byte 2: not JSON: NUL"},
        BadFile{"DeepObjects", safetensors_bytes(R"({"a":{"shape":{"b":1}}})"), "an object in a wrong place"},
        BadFile{"DeepArrays", safetensors_bytes(R"({"a":{"shape":)" + std::string(100'000, '[') + "}}"),
                "an array in a wrong place"},
        BadFile{"LeadingBlank", safetensors_bytes(" {}"), "does not begin with '{'"},
        BadFile{"ByteOrderMark", safetensors_bytes("\xef\xbb\xbf{}"), "does not begin with '{'"},
        BadFile{"Array", safetensors_bytes("[{}]"), "does not begin with '{'"},
        BadFile{"DuplicateName",
                safetensors_bytes(braced(entry("a", "U8", "[1]", "[0,1]") + "," + entry("a", "U8", "[1]", "[1,2]")), 2),
                "tensor 'a' occurs twice"},
        BadFile{
            "DuplicateEscapedName",
            safetensors_bytes(braced(entry("a", "U8", "[1]", "[0,1]") + "," + entry("\\u0061", "U8", "[1]", "[1,2]")),
                              2),
            "tensor 'a' occurs twice"},
        BadFile{"DuplicateKey",
                safetensors_bytes(R"({"a":{"dtype":"U8","dtype":"I8","shape":[],"data_offsets":[0,1]}})", 1),
                "dtype occurs twice"},
        BadFile{"UnknownKey", safetensors_bytes(R"({"a":{"type":"U8"}})"), "key 'type'; accepted: dtype, shape"},
        BadFile{"EmptyEntry", safetensors_bytes(R"({"a":{}})"),
                "tensor 'a': an entry is incomplete; accepted: dtype, shape"},
        BadFile{"NumberEntry", safetensors_bytes(R"({"a":7})"), "a number in a wrong place"},
        BadFile{"NullEntry", safetensors_bytes(R"({"a":null})"), "null in a wrong place"},
        BadFile{"ControlInName", safetensors_bytes(R"({"a\n\u001b[31m":7})"), "'a\\x0a\\x1b[31m'"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Offsets, BadSafetensors,
    testing::Values(
        BadFile{"Negative", one("U8", "[1]", "[-1,0]", 1), "a negative number"},
        BadFile{"Float", one("U8", "[1]", "[0,1.0]", 1), "no 64-bit integer"},
        BadFile{"Beyond64Bits", one("U8", "[1]", "[0,18446744073709551616]", 1), "no 64-bit integer"},
        BadFile{"Text", one("U8", "[1]", "[0,\"1\"]", 1), "a text"},
        BadFile{"One", one("U8", "[1]", "[0]", 1), "data_offsets is too short; accepted: [begin, end]"},
        BadFile{"Three", one("U8", "[1]", "[0,1,1]", 1), "more than two data_offsets"},
        BadFile{"Scalar", one("U8", "[1]", "1", 1), "a number in a wrong place"},
        BadFile{"Missing", safetensors_bytes(R"({"a":{"dtype":"U8","shape":[1]}})", 1), "an entry is incomplete"},
        BadFile{"Reversed", one("U8", "[1]", "[1,0]", 1), "[1, 0] are reversed"},
        BadFile{"BeyondFile", one("U8", "[9]", "[0,9]", 8), "need 9 bytes of data, it holds 8"},
        BadFile{"NearMaximum", one("U8", "[1]", "[18446744073709551614,18446744073709551615]", 1),
                "without gap or overlap"},
        BadFile{"Trailing", one("U8", "[4]", "[0,4]", 9), "5 bytes follow the last tensor"},
        BadFile{"GapAtStart", one("U8", "[1]", "[1,2]", 2), "without gap or overlap"},
        BadFile{"DataWithoutTensors", safetensors_bytes("{}", 3), "3 bytes follow"},
        BadFile{"Gap",
                safetensors_bytes(braced(entry("a", "U8", "[1]", "[0,1]") + "," + entry("b", "U8", "[1]", "[2,3]")), 3),
                "tensor 'b': data begin at byte 2, the tensors before it end at 1"},
        BadFile{"Overlap",
                safetensors_bytes(braced(entry("a", "U8", "[2]", "[0,2]") + "," + entry("b", "U8", "[2]", "[1,3]")), 3),
                "tensor 'b': data begin at byte 1, the tensors before it end at 2"},
        BadFile{"SpanTooLarge", one("F32", "[2]", "[0,9]", 9), "span 9 bytes; shape [2] and dtype need 8"},
        BadFile{"SpanTooSmall", one("F32", "[2]", "[0,4]", 4), "span 4 bytes; shape [2] and dtype need 8"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Shapes, BadSafetensors,
    testing::Values(BadFile{"ProductOverflows", one("U8", "[4294967296,4294967296]", "[0,0]", 0), "overflows"},
                    BadFile{"BytesOverflow", one("F64", "[2305843009213693952]", "[0,0]", 0), "overflows"},
                    BadFile{"OverflowBehindZero", one("U8", "[0,4294967296,4294967296]", "[0,0]", 0), "overflows"},
                    BadFile{"TwoTo63", one("U8", "[9223372036854775808]", "[0,0]", 0), "a dimension beyond 2^63"},
                    BadFile{"Negative", one("U8", "[-1]", "[0,1]", 1), "a negative number"},
                    BadFile{"Nested", one("U8", "[[1]]", "[0,1]", 1), "an array in a wrong place"},
                    BadFile{"Rank100",
                            one("U8", fmt::format("[{}]", fmt::join(std::vector<int>(100, 1), ",")), "[0,1]", 1),
                            "more than 16 dimensions"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Dtypes, BadSafetensors,
    testing::Values(BadFile{"Unknown", one("F31", "[1]", "[0,1]", 1),
                            "dtype 'F31' is not supported; accepted: F64, F32"},
                    BadFile{"SubByte", one("F4", "[2]", "[0,1]", 1), "dtype 'F4' is not supported"},
                    BadFile{"LowerCase", one("f32", "[1]", "[0,4]", 4), "dtype 'f32' is not supported"},
                    BadFile{"Number", safetensors_bytes(R"({"a":{"dtype":7,"shape":[],"data_offsets":[0,1]}})", 1),
                            "a number in a wrong place"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Metadata, BadSafetensors,
    testing::Values(
        BadFile{"Number", safetensors_bytes(R"({"__metadata__":{"a":1}})"), "__metadata__ holds a number"},
        BadFile{"Object", safetensors_bytes(R"({"__metadata__":{"a":{}}})"), "__metadata__ holds an object"},
        BadFile{"Array", safetensors_bytes(R"({"__metadata__":{"a":["b"]}})"), "__metadata__ holds an array"},
        BadFile{"Null", safetensors_bytes(R"({"__metadata__":null})"), "__metadata__ holds null"},
        BadFile{"Text", safetensors_bytes(R"({"__metadata__":"a"})"), "__metadata__ holds a text"},
        BadFile{"KeyTwice", safetensors_bytes(R"({"__metadata__":{"a":"1","a":"2"}})"), "occurs twice"},
        BadFile{"Twice", safetensors_bytes(R"({"__metadata__":{},"__metadata__":{}})"), "occurs twice"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    OtherFormats, BadSafetensors,
    testing::Values(
        BadFile{"Gguf", "GGUF\x03\0\0\0\x10\0\0\0\0\0\0\0"s, "is a GGUF file"},
        BadFile{"Onnx",
                "\x08\x08\x12\x07pytorch\x1a\x05"
                "2.1.0:"s,
                "is an ONNX model"},
        BadFile{"Zip", "PK\x03\x04\0\0\x08\x08\0\0\0\0\0\0\0\0archive/data.pkl"s, "is a zip archive (a pickled"},
        BadFile{"Pickle", "\x80\x02}q\0(X\x05\0\0\0stateq\x01"s, "is a pickle"},
        BadFile{"LegacyCheckpoint",
                "\x80\x02\x8a\nl\xfc\x9c"
                "F\xf9 j\xa8P\x19."s,
                "is a pickle"},
        BadFile{"Hdf5", "\x89HDF\r\n\x1a\n\0\0\0\0\0\0\0\0"s, "is an HDF5 file"},
        BadFile{"LfsPointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "is a Git LFS pointer"},
        BadFile{"WebPage", "<!DOCTYPE html><html><body>404</body></html>", "is a web page"}),
    name_of);

TEST(SafetensorsRefusal, NamesWhatIsNoRegularFile) {
  const TempFolder folder;
  const auto refusal = [](const fs::path& path) {
    const std::string message = error_of(ExitCode::kBadInputFile, [&] { SafetensorsFile{path}; });
    EXPECT_TRUE(contains(message, path.string()));
    return message;
  };
  EXPECT_TRUE(contains(refusal(folder / "missing.safetensors"), "No such file"));
  EXPECT_TRUE(contains(refusal(folder.path()), "is a folder"));
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0644), 0);
  EXPECT_TRUE(contains(refusal(folder / "fifo"), "is a FIFO"));
  EXPECT_TRUE(contains(refusal("/dev/zero"), "is a device"));
  EXPECT_TRUE(contains(refusal(folder / std::string(300, 'n')), "File name too long"));
  fs::create_symlink("loop", folder / "loop");
  EXPECT_TRUE(contains(refusal(folder / "loop"), "symbolic links"));
  const fs::path secret = write_file(folder / "secret", safetensors_bytes("{}"));
  fs::permissions(secret, fs::perms::none);
  const WithoutPrivileges nobody;
  EXPECT_TRUE(contains(refusal(secret), "Permission denied"));
}

/// Runs `action` and expects it to stay below ten seconds and `max_bytes` of additional peak memory.
template <typename Action>
void expect_bounded(std::uint64_t max_bytes, Action action) {
  const std::uint64_t before = peak_memory();
  const auto start = std::chrono::steady_clock::now();
  action();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_LT(peak_memory() - before, max_bytes);
}

TEST(SafetensorsRefusal, AHundredThousandTensorsOnOneSpan) {
  const TempFolder folder;
  std::string header = "{";
  for (int i = 0; i < 100'000; ++i) header += entry(std::to_string(i), "F32", "[1024]", "[0,4096]") + ",";
  header.back() = '}';
  const fs::path path = write_file(folder / "a.safetensors", safetensors_bytes(header, 4096));
  expect_bounded(200u << 20, [&] {
    EXPECT_TRUE(contains(error_of(ExitCode::kBadInputFile, [&] { SafetensorsFile{path}; }), "without gap or overlap"));
  });
}

TEST(SafetensorsRefusal, TenMillionTensors) {
  const TempFolder folder;
  const fs::path path = write_file(folder / "a.safetensors", length_only(600'000'000));
  fs::resize_file(path, 700'000'000);
  expect_bounded(1u << 20, [&] {
    EXPECT_TRUE(contains(error_of(ExitCode::kBadInputFile, [&] { SafetensorsFile{path}; }), "exceeds 100000000"));
  });
}

TEST(SafetensorsRefusal, MoreTensorsThanAModelHas) {
  const TempFolder folder;
  std::string header = "{";
  for (int i = 0; i < 1'500'000; ++i) header += entry(std::to_string(i), "U8", "[0]", "[0,0]") + ",";
  header.back() = '}';
  ASSERT_LT(header.size(), 100'000'000u);
  const fs::path path = write_file(folder / "a.safetensors", safetensors_bytes(header));
  expect_bounded(500u << 20, [&] {
    EXPECT_TRUE(
        contains(error_of(ExitCode::kBadInputFile, [&] { SafetensorsFile{path}; }), "more than 262144 tensors"));
  });
}

TEST(SafetensorsRefusal, MoreMetadataThanAModelHas) {
  const TempFolder folder;
  std::string header = R"({"__metadata__":{)";
  for (int i = 0; i < 100'000; ++i) header += fmt::format(R"("{}":"",)", i);
  header.back() = '}';
  const fs::path path = write_file(folder / "a.safetensors", safetensors_bytes(header + "}"));
  EXPECT_TRUE(contains(error_of(ExitCode::kBadInputFile, [&] { SafetensorsFile{path}; }), "more than 65536 metadata"));
}

TEST(SafetensorsRefusal, LongNamesAreCutInTheMessage) {
  const TempFolder folder;
  const std::string header = braced(entry(std::string(1'000'000, 'n'), "U8", "[2]", "[0,1]"));
  const fs::path path = write_file(folder / "a.safetensors", safetensors_bytes(header, 1));
  EXPECT_TRUE(contains(error_of(ExitCode::kBadInputFile, [&] { SafetensorsFile{path}; }), "nnn...': data_offsets"));
}

TEST(SafetensorsRefusal, FileThatShrinksWhileMapped) {
  const TempFolder folder;
  const fs::path path = write_file(folder / "a.safetensors", one("U8", "[65536]", "[0,65536]", 65536));
  const SafetensorsFile file(path);
  fs::resize_file(path, 4096);
  const std::string message = error_of(ExitCode::kBadInputFile, [&] { file.tensor("a"); });
  EXPECT_TRUE(contains(message, path.string() + ": shrank from"));
}

TEST(SafetensorsRefusal, FileWrittenToWhileMapped) {
  const TempFolder folder;
  const std::string bytes = one("U8", "[8]", "[0,8]", 8);
  const fs::path path = write_file(folder / "a.safetensors", bytes);
  const SafetensorsFile file(path);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // beyond the clock tick of a file's time stamp
  write_file(path, bytes);
  EXPECT_TRUE(contains(error_of(ExitCode::kBadInputFile, [&] { file.tensor("a"); }), "was written to"));
}

}  // namespace
}  // namespace ditto::test
