// The table of bad inputs, held by running the program: docs/robustness.md shows the messages.
#include <bit>
#include <map>

#include <gtest/gtest.h>

#include "end_to_end/faults.h"

namespace ditto::test {
namespace {

// Case 24: weights are little-endian and used in place, so the library refuses to build for a big-endian host.
static_assert(std::endian::native == std::endian::little);

const std::map<int, std::vector<Fault>>& table() {
  static const auto rows = [] {
    std::map<int, std::vector<Fault>> rows;
    for (const auto& faults : {weight_file_faults(), model_folder_faults(), argument_faults()}) {
      for (const Fault& fault : faults) rows[fault.number].push_back(fault);
    }
    return rows;
  }();
  return rows;
}

/// Runs a row; quiet where a failure is expected, so that stderr holds the error alone.
Finished run(const Fault& fault, const Scratch& scratch, const Arguments& arguments) {
  RunOptions options = fault.options;
  options.folder = scratch.path();
  Running program("dit-gen", arguments, options);
  if (fault.meanwhile) fault.meanwhile(program, scratch.path());
  return program.finish();
}

class FaultTable : public testing::TestWithParam<int> {};

TEST_P(FaultTable, OneClearLineAndNothingHalfDone) {
  for (const Fault& fault : table().at(GetParam())) {
    SCOPED_TRACE(fault.name);
    const Scratch scratch;
    const Arguments made = fault.make(scratch.path());
    const std::set<std::string> before = scratch.names();
    const bool fails = fault.exit_code != kDone;
    const bool generates = made.front().starts_with("-");
    const Finished done = run(fault, scratch, fails && generates ? made + Arguments{"-q"} : made);
    EXPECT_EQ(done.exit_code, fault.exit_code) << done.err;
    EXPECT_EQ(done.signal, 0);
    EXPECT_TRUE(contains(done.err + done.out, fault.text));
    if (fails) {
      EXPECT_TRUE(is_one_error_line(done.err));
    }
    if (fails && fault.exit_code != kSomeJobsFailed) {
      EXPECT_EQ(scratch.names(), before) << "something was written";
    }
    for (const std::string& name : scratch.names()) EXPECT_FALSE(contains(name, "ditto-partial")) << name;
    // What docs/robustness.md quotes: --gtest_output=json shows it.
    RecordProperty(fault.name, std::to_string(done.exit_code) + " " + (fails ? done.err : fault.text));
  }
}

std::vector<int> numbers() {
  std::vector<int> numbers;
  for (const auto& [number, faults] : table()) numbers.push_back(number);
  return numbers;
}

INSTANTIATE_TEST_SUITE_P(Cases, FaultTable, testing::ValuesIn(numbers()),
                         [](const auto& info) { return "Case" + std::to_string(info.param); });

TEST(FaultTable, HoldsEveryCase) {
  std::vector<int> expected;
  for (int number = 1; number <= 39; ++number) {
    const bool elsewhere = number == 24 || (number >= 27 && number <= 32);
    if (!elsewhere) expected.push_back(number);
  }
  EXPECT_EQ(numbers(), expected);
}

TEST(FaultTable, IsDocumented) {
  const std::string page = read_file(model_path("../docs/robustness.md"));
  for (const auto& [number, faults] : table()) {
    EXPECT_TRUE(contains(page, "\n| " + std::to_string(number) + " "));
    for (const Fault& fault : faults) {
      EXPECT_TRUE(contains(page, "| " + fault.name + " | " + std::to_string(fault.exit_code) + " | "));
    }
  }
}

}  // namespace
}  // namespace ditto::test
