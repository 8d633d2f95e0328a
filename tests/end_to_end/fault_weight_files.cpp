// Cases 1 to 17 of docs/robustness.md: safetensors files.
#include <algorithm>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include "end_to_end/bad_model.h"
#include "end_to_end/faults.h"

namespace ditto::test {
namespace {

using namespace std::string_literals;

/// A transformer file of these bytes is refused with this text.
Fault bad_file(int number, const std::string& name, const std::string& bytes, const std::string& text) {
  return {number, name, [bytes](const fs::path& folder) { return generate_with(folder, kTransformerFile, bytes); },
          kBadInputFile, text};
}

Fault inspected(int number, const std::string& name, const std::string& bytes, const std::string& text) {
  return {number, name,
          [bytes](const fs::path& folder) {
            return Arguments{"inspect", write_file(folder / "file.safetensors", bytes).string()};
          },
          kDone, text};
}

std::string two_tensors(const std::string& second, const std::string& second_offsets) {
  return safetensors(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},")" + second +
                         R"(":{"dtype":"U8","shape":[2],"data_offsets":)" + second_offsets + "}}",
                     "1234");
}

std::string many_tensors(int count) {
  std::string header = "{";
  for (int i = 0; i < count; ++i) {
    header += fmt::format(R"({}"{}":{{"dtype":"U8","shape":[8],"data_offsets":[0,8]}})", i == 0 ? "" : ",", i);
  }
  return safetensors(header + "}", "12345678");
}

Fault missing_file() {
  return {1, "missing",
          [](const fs::path& folder) {
            const fs::path model = small_model(folder);
            fs::remove(model / kTransformerFile);
            return generate(model);
          },
          kBadInputFile, "transformer: holds no weights"};
}

Fault truncated_file() {
  return {16, "truncated",
          [](const fs::path& folder) {
            const fs::path model = small_model(folder);
            fs::resize_file(model / kTransformerFile, fs::file_size(model / kTransformerFile) - 1000);
            return generate(model);
          },
          kBadInputFile, "the file is too short"};
}

/// Weights that are used where they are mapped: the next step reads beyond the end.
Fault shrinking_file() {
  Fault fault = {16, "shrinks while mapped",
                 [](const fs::path& folder) {
                   Arguments arguments = generate(small_model(folder));
                   std::ranges::replace(arguments, "2", "1000");
                   return arguments + Arguments{"--json"};
                 },
                 kBadInputFile, "diffusion_pytorch_model.safetensors: shrank or could not be read while it was in use"};
  fault.meanwhile = [](Running& program, const fs::path& folder) {
    EXPECT_TRUE(program.wait_for_output("\"step\""));
    fs::resize_file(folder / "model" / kTransformerFile, 4096);
  };
  return fault;
}

/// A pipe of prompts: open for writing as long as it lives, so that the program waits for more.
class PromptPipe {
 public:
  explicit PromptPipe(const fs::path& path) {
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    EXPECT_GE(descriptor_, 0);
  }
  ~PromptPipe() { ::close(descriptor_); }
  PromptPipe(const PromptPipe&) = delete;
  PromptPipe& operator=(const PromptPipe&) = delete;

  void add(const std::string& line) {
    EXPECT_EQ(::write(descriptor_, line.data(), line.size()), static_cast<ssize_t>(line.size()));
  }

 private:
  int descriptor_ = -1;
};

/// The text encoder is read again for the second prompt, which comes only after `change` has been at its file.
Fault changing_file(const std::string& name, int exit_code, const std::string& text,
                    const std::function<void(const fs::path& file)>& change) {
  const auto pipe = std::make_shared<std::unique_ptr<PromptPipe>>();
  Fault fault = {17, name,
                 [pipe](const fs::path& folder) {
                   *pipe = std::make_unique<PromptPipe>(folder / "prompts");
                   Arguments arguments = generate(small_model(folder));
                   std::ranges::replace(arguments, "-p", "--prompts");
                   std::ranges::replace(arguments, "x", "prompts");
                   return arguments + Arguments{"--json"};
                 },
                 exit_code, text};
  fault.meanwhile = [pipe, change](Running& program, const fs::path& folder) {
    (*pipe)->add("one\n");
    EXPECT_TRUE(program.wait_for_output("\"done\""));
    change(folder / "model" / kTextEncoderFile);
    (*pipe)->add("two\n");
    pipe->reset();
  };
  return fault;
}

void append_header_faults(std::vector<Fault>& faults) {
  faults.insert(
      faults.end(),
      {bad_file(1, "empty", "", "is empty"), bad_file(1, "one byte", "\x01", "holds 1 bytes"),
       bad_file(1, "seven bytes", "1234567", "holds 7 bytes"), missing_file(),
       bad_file(2, "length 0", header_length(0), "header length 0 at byte 0 is too small"),
       bad_file(2, "length 1", header_length(1), "header length 1 at byte 0 is too small"),
       bad_file(2, "length beyond the file", header_length(3), "exceeds the file of 10 bytes"),
       bad_file(2, "length beyond 100 MB", header_length(100'000'001), "exceeds 100000000"),
       bad_file(2, "length 2^63", header_length(1ull << 63), "header length 9223372036854775808 at byte 0 exceeds"),
       bad_file(2, "length 2^64-1", header_length(~0ull), "header length 18446744073709551615 at byte 0 exceeds"),
       bad_file(3, "not UTF-8", safetensors("{\"\xff\xfe\":{}}"), "UTF-8"),
       bad_file(4, "not JSON", safetensors("{garbage}"), "header: byte 2: not JSON"),
       bad_file(4, "truncated JSON", safetensors(R"({"a":{"dtype":)"), "header: byte 14: not JSON"),
       bad_file(4, "deep nesting", safetensors(R"({"a":{"shape":)" + std::string(100'000, '[') + "}}"),
                "an array in a wrong place"),
       bad_file(4, "NUL", safetensors("{}\0"s), "NUL byte"),
       bad_file(5, "array", safetensors("[{}]"), "does not begin with '{'"),
       bad_file(5, "leading blank", safetensors(" {}"), "does not begin with '{'"),
       bad_file(6, "duplicate name", two_tensors("a", "[2,4]"), "tensor 'a' occurs twice")});
}

void append_span_faults(std::vector<Fault>& faults) {
  faults.insert(
      faults.end(),
      {bad_file(7, "negative", one_tensor("U8", "[1]", "[-1,0]", 1), "tensor 'a': a negative number"),
       bad_file(7, "float", one_tensor("U8", "[1]", "[0,1.0]", 1), "a number that is no 64-bit integer"),
       bad_file(7, "string", one_tensor("U8", "[1]", R"([0,"1"])", 1), "a text in a wrong place"),
       bad_file(7, "missing", safetensors(R"({"a":{"dtype":"U8","shape":[1]}})", "1"), "an entry is incomplete"),
       bad_file(7, "reversed", one_tensor("U8", "[1]", "[1,0]", 1), "[1, 0] are reversed"),
       bad_file(7, "beyond the file", one_tensor("U8", "[9]", "[0,9]", 8), "need 9 bytes of data, it holds 8"),
       bad_file(8, "overlap", two_tensors("b", "[1,3]"), "spans without gap or overlap"),
       bad_file(9, "gap", two_tensors("b", "[3,5]"), "spans without gap or overlap"),
       bad_file(9, "trailing bytes", one_tensor("U8", "[4]", "[0,4]", 9), "5 bytes follow the last tensor"),
       bad_file(10, "span too long", one_tensor("F32", "[2]", "[0,9]", 9), "span 9 bytes; shape [2] and dtype need 8"),
       bad_file(11, "overflow", one_tensor("U8", "[4294967296,4294967296]", "[0,0]", 0), "overflows"),
       bad_file(11, "2^63", one_tensor("U8", "[9223372036854775808]", "[0,0]", 0), "a dimension beyond 2^63"),
       bad_file(11, "negative", one_tensor("U8", "[-1]", "[0,1]", 1), "a negative number"),
       bad_file(11, "rank 100",
                one_tensor("U8", fmt::format("[{}]", fmt::join(std::vector<int>(100, 1), ",")), "[0,1]", 1),
                "more than 16 dimensions"),
       inspected(11, "rank 0 is accepted", one_tensor("U8", "[]", "[0,1]", 1), "a  Byte []"),
       inspected(11, "a zero dimension is accepted", one_tensor("F32", "[3,0]", "[0,0]", 0), "a  Float [3,0]"),
       bad_file(12, "unknown dtype", one_tensor("Q8", "[1]", "[0,1]", 1), "dtype 'Q8' is not supported"),
       bad_file(12, "sub-byte dtype", one_tensor("F4", "[3]", "[0,2]", 2), "dtype 'F4' is not supported"),
       bad_file(13, "100,000 tensors on one span", many_tensors(100'000), "spans without gap or overlap"),
       bad_file(14, "10 million tensors", header_length(600'000'000), "exceeds 100000000"),
       bad_file(14, "300,000 tensors", many_tensors(300'000), "more than 262144 tensors"),
       bad_file(15, "metadata is a number", safetensors(R"({"__metadata__":{"format":7}})"),
                "__metadata__ holds a number")});
}

}  // namespace

std::vector<Fault> weight_file_faults() {
  std::vector<Fault> faults;
  append_header_faults(faults);
  append_span_faults(faults);
  faults.push_back(truncated_file());
  faults.push_back(shrinking_file());
  faults.push_back(changing_file("written to", kSomeJobsFailed, "was written to while it was in use",
                                 [](const fs::path& file) { write_file(file, read_file(file)); }));
  faults.push_back(
      changing_file("replaced by another is harmless", kDone, "2 of 2 jobs finished", [](const fs::path& file) {
        write_file(file.parent_path() / "new", "nothing good");
        fs::rename(file.parent_path() / "new", file);
      }));
  return faults;
}

}  // namespace ditto::test
