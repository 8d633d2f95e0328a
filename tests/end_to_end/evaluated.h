#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "end_to_end/scratch.h"

namespace ditto::test {

using nlohmann::json;

inline constexpr const char* kPrompt = "a small red circle moving left on a white background";

/// Two settings of one policy, 4 steps, 5 frames.
inline json tiny_scenario() {
  return {
      {"name", "tiny"},       {"size", "64x64"},
      {"frames", 5},          {"steps", 4},
      {"prompts", {kPrompt}}, {"rows", {{{"name", "interval"}, {"cache", "interval:interval={x}"}, {"x", {1, 2}}}}}};
}

inline std::vector<json> lines_in(const fs::path& path) {
  std::vector<json> lines;
  for (const std::string& line : lines_of(read_file(path))) lines.push_back(json::parse(line));
  return lines;
}

/// A file with one tensor of zeros.
inline void write_safetensors(const fs::path& path, const std::string& name, const std::string& dtype,
                              const std::vector<std::size_t>& shape, std::size_t item_bytes) {
  std::size_t bytes = item_bytes;
  for (const std::size_t size : shape) bytes *= size;
  json tensors;
  tensors[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {0, bytes}}};
  const std::string header = tensors.dump();
  std::string file;
  for (std::size_t k = 0; k < 8; ++k) file += static_cast<char>(header.size() >> (8 * k) & 0xff);
  write_file(path, file + header + std::string(bytes, '\0'));
}

/// A folder with the tiny scenario.
class Evaluated : public testing::Test {
 protected:
  void SetUp() override { write_file(scratch_ / "scenario.json", tiny_scenario().dump()); }

  Finished run(const Arguments& arguments) {
    return dit_eval(Arguments{"run", "scenario.json", "-o", "results"} + arguments, scratch_.here());
  }
  fs::path result(const std::string& name) const { return scratch_.path() / "results" / name; }

  Scratch scratch_;
};

}  // namespace ditto::test
