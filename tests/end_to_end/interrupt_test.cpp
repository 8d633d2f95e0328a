// Signals at any moment: what is finished stays whole, what is not leaves nothing.
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include "end_to_end/scratch.h"

namespace ditto::test {
namespace {

using Names = std::set<std::string>;

/// Far more steps than a test waits for.
Arguments endless() { return {"-p", "a red circle", "--size", "64x64", "--steps", "1000", "--json"}; }

TEST(Interrupt, OneSignalEndsAfterTheStep) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Scratch scratch;
    Running program("dit-gen", endless() + Arguments{"-o", "clip.mp4", "--trace", "trace.jsonl"}, scratch.here());
    ASSERT_TRUE(program.wait_for_output("\"step\""));
    program.send(signal);
    const Finished run = program.finish();
    EXPECT_EQ(run.exit_code, kInterrupted);
    EXPECT_TRUE(contains(run.err, "dit-gen: stopping after the current step; once more stops at once"));
    EXPECT_TRUE(contains(run.err, "dit-gen: error: interrupted: stopped after a step; finished files are kept\n"));
    EXPECT_EQ(scratch.names(), Names{});
  }
}

TEST(Interrupt, QuietSaysTheErrorAlone) {
  const Scratch scratch;
  Running program("dit-gen", endless() + Arguments{"-q"}, scratch.here());
  ASSERT_TRUE(program.wait_for_output("\"step\""));
  program.send(SIGINT);
  const Finished run = program.finish();
  EXPECT_EQ(run.exit_code, kInterrupted);
  EXPECT_TRUE(is_one_error_line(run.err));
}

TEST(Interrupt, FinishedJobsAreKeptAndNamed) {
  const Scratch scratch;
  write_file(scratch / "prompts.jsonl",
             "{\"prompt\": \"a\", \"frames\": 1, \"name\": \"short\"}\n{\"prompt\": \"b\"}\n");
  Running program("dit-gen",
                  {"--prompts", "prompts.jsonl", "--size", "64x64", "--steps", "40", "--json", "-o", "{name}.mp4"},
                  scratch.here());
  ASSERT_TRUE(program.wait_for_output("\"done\""));
  ASSERT_TRUE(program.wait_for_error("0002.mp4: seed"));
  program.send(SIGINT);
  const Finished run = program.finish();
  EXPECT_EQ(run.exit_code, kInterrupted);
  EXPECT_TRUE(contains(run.err, "interrupted: stopped after a step; finished and kept: short.mp4"));
  EXPECT_EQ(scratch.names(), (Names{"prompts.jsonl", "short.mp4"}));
  EXPECT_EQ(dit_gen({"reproduce", "short.mp4"}, scratch.here()).exit_code, kDone);
}

/// A second signal does not wait for the step: this one takes seconds.
TEST(Interrupt, TwoSignalsEndAtOnce) {
  const Scratch scratch;
  Running program("dit-gen", {"-p", "x", "--size", "384x384", "--frames", "17", "--steps", "5", "-o", "clip.mp4"},
                  scratch.here());
  ASSERT_TRUE(program.wait_for_error("clip.mp4: seed"));
  program.send(SIGINT);
  ASSERT_TRUE(program.wait_for_error("once more stops at once"));
  program.send(SIGINT);
  const Finished run = program.finish();
  EXPECT_EQ(run.exit_code, kInterrupted);
  EXPECT_TRUE(contains(run.err, "dit-gen: error: interrupted: stopped at once; finished files are kept\n"));
  EXPECT_EQ(scratch.names(), Names{});
}

/// Frames are written for long enough to be met in the middle.
TEST(Interrupt, TwoSignalsRemoveWhatIsHalfWritten) {
  const Scratch scratch;
  Running program("dit-gen",
                  {"-p", "x", "--size", "128x128", "--frames", "17", "--steps", "1", "-o", "frames", "--guidance", "1"},
                  scratch.here());
  const auto writing = [&] {
    for (const std::string& name : scratch.names()) {
      if (name.find("ditto-partial") != std::string::npos) return true;
    }
    return false;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!writing() && !fs::exists(scratch / "frames") && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  program.send(SIGINT);
  program.send(SIGTERM);
  const Finished run = program.finish();
  // The folder may just have been finished; then it is whole.
  const Names names = scratch.names();
  EXPECT_TRUE(names.empty() || names.size() == 18) << *names.begin();
  EXPECT_TRUE(run.exit_code == kInterrupted || run.exit_code == kDone) << run.err;
}

/// The boxes of an mp4 add up to the file, and the index is among them.
bool is_whole_mp4(const std::string& bytes) {
  std::size_t at = 0;
  Names boxes;
  while (at + 8 <= bytes.size()) {
    std::uint32_t size = 0;
    for (std::size_t k = 0; k < 4; ++k) size = size << 8 | static_cast<unsigned char>(bytes[at + k]);
    boxes.insert(bytes.substr(at + 4, 4));
    if (size < 8) return false;
    at += size;
  }
  return at == bytes.size() && boxes.contains("ftyp") && boxes.contains("moov") && boxes.contains("mdat");
}

/// Whatever is under a final name is complete.
TEST(Interrupt, AKillAtAnyMomentLeavesNoTornFile) {
  const Scratch scratch;
  std::mt19937 random(5);
  int survivors = 0;
  const auto kill_after = [&](std::chrono::milliseconds delay) {
    Running program("dit-gen",
                    {"-p", "x", "--size", "32x32", "--frames", "1", "--steps", "1", "-y", "-q", "-s", "random:100",
                     "-m", data_path("wan/tiny-pipeline").string(), "-o", "clip.mp4", "--trace", "traces-{seed}.jsonl"},
                    scratch.here());
    ASSERT_TRUE(program.wait_for_output("mp4"));
    std::this_thread::sleep_for(delay);
    program.send(SIGKILL);
    EXPECT_EQ(program.finish().signal, SIGKILL);
  };
  for (int round = 0; round < 6; ++round) {
    kill_after(std::chrono::milliseconds(std::uniform_int_distribution<int>(0, 60)(random)));
  }
  for (const auto& entry : fs::recursive_directory_iterator(scratch.path())) {
    const std::string name = entry.path().filename();
    if (!entry.is_regular_file() || name.starts_with(".")) continue;
    ++survivors;
    const std::string bytes = read_file(entry.path());
    if (name.ends_with(".mp4")) {
      EXPECT_TRUE(is_whole_mp4(bytes)) << name;
      EXPECT_TRUE(contains(bytes, "\"frame_hash\"")) << name;
    } else {
      EXPECT_TRUE(bytes.ends_with("}\n") && contains(bytes, "{\"result\":")) << name;
    }
  }
  EXPECT_GE(survivors, 6);
}

}  // namespace
}  // namespace ditto::test
