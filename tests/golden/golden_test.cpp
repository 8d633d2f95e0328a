// Traces of every registered policy at its example, byte for byte. After a wanted change of behaviour, or for a new
// policy, run this program with DITTO_UPDATE_GOLDEN=1 in the environment and look at what the files say now.

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <ATen/Version.h>
#include <ATen/ops/arange.h>

#include <gtest/gtest.h>

#include "io/frame_hash.h"
#include "policy_cases.h"

namespace ditto::test {
namespace {

/// Sums round by the width of the vector unit, and Fourier transforms by the processor: the plain ones are the same on
/// every machine. Both libraries read this at their first operation.
const bool kPinned = setenv("ATEN_CPU_CAPABILITY", "default", 1) == 0 && setenv("MKL_CBWR", "COMPATIBLE", 1) == 0;

/// Noise that no generator draws: its logarithms and sines would differ by machine.
at::Tensor plain_noise() {
  return at::arange(32, at::kFloat).mul(37).remainder(64).sub(31.5).div(16).reshape({1, 4, 2, 2, 2});
}

std::string golden_trace(const PolicyEntry& entry) {
  const ToyModel toy;
  Request request = case_request();
  request.noise = plain_noise();
  Result result = generate(toy, request, factory_of({example_of(entry)}));
  Trace trace = result.trace;
  trace.result->frame_hash = frame_hash(result.frames);
  trace.run.version.clear();
  trace.run.policies = {entry.example.empty() ? entry.name : entry.name + ":" + entry.example};
  return trace.to_json_lines();
}

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// The first line in which two texts differ.
std::string first_difference(const std::string& expected, const std::string& found) {
  std::istringstream a(expected), b(found);
  std::string line_a, line_b;
  for (int number = 1;; ++number) {
    const bool more_a = static_cast<bool>(std::getline(a, line_a)), more_b = static_cast<bool>(std::getline(b, line_b));
    if (!more_a && !more_b) return "";
    if (more_a != more_b || line_a != line_b) {
      return "line " + std::to_string(number) + "\n  expected " + (more_a ? line_a : "the end") + "\n  found    " +
             (more_b ? line_b : "the end");
    }
  }
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, TraceIsTheCommittedOne) {
  ASSERT_TRUE(kPinned);
  ASSERT_EQ(at::get_cpu_capability(), "DEFAULT");
  const std::filesystem::path path = data_path("golden/" + GetParam() + ".jsonl");
  const std::string trace = golden_trace(entry_of(GetParam()));
  if (std::getenv("DITTO_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << trace;
  ASSERT_TRUE(std::filesystem::exists(path)) << path << " is missing: run with DITTO_UPDATE_GOLDEN=1 and commit it";
  const std::string expected = read_file(path);
  EXPECT_TRUE(expected == trace) << path << ": " << first_difference(expected, trace);
}

INSTANTIATE_TEST_SUITE_P(Policies, Golden, ::testing::ValuesIn(policy_names()),
                         [](const auto& info) { return info.param; });

TEST(GoldenFiles, BelongToRegisteredPolicies) {
  for (const auto& file : std::filesystem::directory_iterator(data_path("golden"))) {
    const std::vector<std::string> names = policy_names();
    EXPECT_NE(std::ranges::find(names, file.path().stem().string()), names.end()) << file.path();
  }
}

}  // namespace
}  // namespace ditto::test
