// What dit-gen refuses to write, said before the work; and what jobs that fail leave to the others.
#include <gtest/gtest.h>

#include "end_to_end/scratch.h"

namespace ditto::test {
namespace {

using nlohmann::json;
using Names = std::set<std::string>;

/// The message of a run that is refused before its first step and leaves everything as it was.
std::string refusal(const Scratch& scratch, int exit_code, const Arguments& more) {
  const Names before = scratch.names();
  const Finished run = dit_gen(tiny() + Arguments{"--json"} + more, scratch.here());
  EXPECT_EQ(run.exit_code, exit_code) << run.err;
  EXPECT_TRUE(is_one_error_line(run.err));
  EXPECT_TRUE(run.events("step").empty());
  EXPECT_EQ(scratch.names(), before);
  return run.err;
}

TEST(Outputs, AFolderWithOtherFilesIsNotReplaced) {
  const Scratch scratch;
  write_file(scratch / "frames/frame_0000.png", "old");
  write_file(scratch / "frames/thesis.txt", "mine");
  for (const char* option : {"-o", "--frames-dir"}) {
    EXPECT_TRUE(contains(refusal(scratch, kOutputFailed, {option, "frames", "-y"}), "holds 'thesis.txt'"));
  }
  fs::remove(scratch / "frames/thesis.txt");
  const Finished replaced = dit_gen(tiny() + Arguments{"-o", "frames", "-y"}, scratch.here());
  EXPECT_EQ(replaced.exit_code, kDone) << replaced.err;
  EXPECT_NE(read_file(scratch / "frames/frame_0000.png"), "old");
}

TEST(Outputs, TheCurrentFolderIsNoOutput) {
  const Scratch scratch;
  for (const char* folder : {".", "./", "..", "a/.."}) {
    EXPECT_TRUE(contains(refusal(scratch, kOutputFailed, {"-o", folder}), "accepted: a folder name")) << folder;
  }
}

TEST(Outputs, NothingLiesInAFolderThatIsWrittenAsAWhole) {
  const Scratch scratch;
  for (const Arguments& options : {Arguments{"-o", "d", "--trace", "d/t.jsonl"},
                                   {"-o", "d", "--frames-dir", "./d/e"},
                                   {"-o", "d/clip.mp4", "--frames-dir", "d/"}}) {
    EXPECT_TRUE(contains(refusal(scratch, kUsage, options), "lies in the output folder d")) << options.back();
  }
}

TEST(Outputs, AJobThatFailedClaimsNoName) {
  const Scratch scratch;
  write_file(scratch / "jobs.jsonl",
             "{\"prompt\": \"a\", \"name\": \"q\", \"size\": \"33x32\"}\n{\"prompt\": \"a\", \"name\": \"q\"}\n"
             "{\"prompt\": \"b\", \"name\": \"q\"}\n");
  const Finished run = dit_gen(
      {"--prompts", "jobs.jsonl", "--size", "64x64", "--frames", "1", "--steps", "1", "-o", "out.mp4"}, scratch.here());
  EXPECT_EQ(run.exit_code, kSomeJobsFailed);
  EXPECT_TRUE(fs::exists(scratch / "out-q-42.mp4")) << run.err;
  EXPECT_TRUE(contains(run.err, "out-q-42.mp4: an earlier job of this run has written it")) << "the third";
  EXPECT_TRUE(contains(run.err, "1 of 3 jobs finished"));
}

TEST(Outputs, FoldersOfJobsThatCannotBeMadeLeaveNone) {
  const Scratch scratch;
  refusal(scratch, kOutputFailed, {"-s", "1,2", "-o", "made", "--frames-dir", "missing/frames"});
}

TEST(Arguments, AnEmptyValueAfterAnEqualsSignIsEmpty) {
  const Scratch scratch;
  const Finished run = dit_gen(tiny() + Arguments{"-o", "clip.mp4", "--negative=", "--no-metadata"}, scratch.here());
  ASSERT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_EQ(json::parse(dit_gen({"inspect", "clip.mp4", "--json"}, scratch.here()).out).at("run"), "not recorded");
  EXPECT_TRUE(contains(refusal(scratch, kUsage, {"--steps=", "-o", "other.mp4"}), "--steps"));
}

TEST(Prompts, AreCleanedAsAskedFor) {
  const Scratch scratch;
  const auto hash = [&](const char* cleaning) {
    const Finished run = dit_gen({"-p", "a &quot;red&quot;  circle", "--prompt-clean", cleaning, "--size", "64x64",
                                  "--frames", "1", "--steps", "2", "--json", "-y", "-o", "clip.mp4"},
                                 scratch.here());
    EXPECT_EQ(run.exit_code, kDone) << run.err;
    const json recorded = json::parse(dit_gen({"inspect", "clip.mp4", "--json"}, scratch.here()).out).at("run");
    EXPECT_EQ(recorded.at("prompt_clean"), cleaning);
    EXPECT_EQ(dit_gen({"reproduce", "clip.mp4"}, scratch.here()).exit_code, kDone);
    return frame_hash(run);
  };
  EXPECT_EQ(hash("basic"), hash("ftfy-lite")) << "the same for ASCII";
  EXPECT_NE(hash("none"), hash("basic"));
  EXPECT_TRUE(contains(refusal(scratch, kUsage, {"--prompt-clean", "ftfy"}), "accepted: none, basic, ftfy-lite"));
}

TEST(Prompts, ThatAreCutAreWarnedOf) {
  const Scratch scratch;
  std::string prompt = "a red circle";
  for (int k = 0; k < 8; ++k) prompt += " and a blue ring";
  const Finished run = dit_gen(
      {"-p", prompt, "-n", prompt, "--size", "64x64", "--frames", "1", "--steps", "1", "--json", "-o", "clip.mp4"},
      scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  const std::vector<json> warnings = run.events("warning");
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_TRUE(contains(warnings[0].at("message"), "--prompt: has "));
  EXPECT_TRUE(contains(warnings[0].at("message"), " tokens, the model takes 24: its end is left out"));
  EXPECT_TRUE(contains(warnings[1].at("message"), "--negative: has "));
}

}  // namespace
}  // namespace ditto::test
