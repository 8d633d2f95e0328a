// dit-bench from outside: what it prints, never how fast it was.
#include <csignal>

#include <gtest/gtest.h>

#include "end_to_end/scratch.h"

namespace ditto::test {
namespace {

using nlohmann::json;

Finished dit_bench(const Arguments& arguments) {
  const Scratch scratch;
  return Running("dit-bench", arguments + Arguments{"--json", "--repetitions", "1"}, scratch.here()).finish();
}

/// The events after the one that describes the machine.
std::vector<json> figures(const Finished& run) {
  EXPECT_EQ(run.exit_code, 0) << run.err;
  std::vector<json> events = run.events();
  EXPECT_EQ(events.front().at("event"), "machine");
  for (const char* key : {"processor", "threads", "blas", "commit"}) EXPECT_TRUE(events.front().contains(key)) << key;
  events.erase(events.begin());
  return events;
}

TEST(Bench, FullComparesDtypesAndKernels) {
  const auto forms = figures(dit_bench({"full", "--steps", "2", "--size", "64x64", "--frames", "1"}));
  ASSERT_EQ(forms.size(), 4u);
  EXPECT_EQ(forms.front().at("dtype"), "fp32");
  EXPECT_EQ(forms.front().at("kernels"), "reference");
  EXPECT_EQ(forms.front().at("speedup"), 1);
  for (const char* phase : {"text", "denoise", "decode"}) EXPECT_GT(forms.back().at("seconds").at(phase), 0) << phase;
}

TEST(Bench, EndsWhenAskedTo) {
  const Scratch scratch;
  Running program("dit-bench", {"policies", "--json", "--steps", "1000", "interval:interval=2"}, scratch.here());
  ASSERT_TRUE(program.wait_for_output("\"machine\""));
  program.send(SIGTERM);
  const Finished run = program.finish();
  EXPECT_EQ(run.exit_code, kInterrupted);
  EXPECT_TRUE(contains(run.err, "dit-bench: error: interrupted: stopped after a step; finished files are kept\n"));
}

TEST(Bench, PoliciesTellWhatReusingHalfSaves) {
  const auto settings = figures(dit_bench({"policies", "--steps", "4", "interval:interval=1", "interval:interval=2"}));
  ASSERT_EQ(settings.size(), 2u);
  EXPECT_TRUE(settings.front().contains("overhead_percent"));
  EXPECT_EQ(settings.back().at("saved_units_percent"), 50);
  for (const char* key : {"saved_seconds_percent", "gap_percent", "deciding_percent", "blending_percent"}) {
    EXPECT_TRUE(settings.back().contains(key)) << key;
  }
}

TEST(Bench, PoliciesTakeASize) {
  const Arguments verb = {"policies", "--steps", "2", "interval:interval=2"};
  EXPECT_EQ(figures(dit_bench(verb + Arguments{"--size", "32x48", "--frames", "1"})).size(), 1u);
  const Finished run = dit_bench(verb + Arguments{"--size", "33x48"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_TRUE(contains(run.err, "33")) << run.err;
}

TEST(Bench, RefusesAPolicyItDoesNotKnow) {
  const Finished run = dit_bench({"policies", "intervall"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(lines_of(run.err).size(), 1u) << run.err;
}

}  // namespace
}  // namespace ditto::test
