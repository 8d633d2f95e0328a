// dit-gen's default verb: what it writes, under which names, and what it says.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "end_to_end/scratch.h"

namespace ditto::test {
namespace {

using nlohmann::json;
using Names = std::set<std::string>;

std::string hash_with(const Scratch& scratch, const Arguments& options) {
  const Finished run = dit_gen(tiny() + Arguments{"--json", "-y", "-o", "clip.mp4"} + options, scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  return frame_hash(run);
}

/// Pages that the programs run so far had to be given.
std::int64_t page_faults() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return usage.ru_minflt;
}

bool is_png(const fs::path& path) { return read_file(path).starts_with("\x89PNG\r\n\x1a\n"); }

TEST(Generate, NeedsNoOptionButThePrompt) {
  const Scratch scratch;
  const Finished run = dit_gen({"-p", "a red circle"}, scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_EQ(run.out, "ditto-42.mp4\n");
  EXPECT_EQ(scratch.names(), Names{"ditto-42.mp4"});
  EXPECT_TRUE(contains(run.err, "seed 42, 64x64, 17 frames, 50 steps, guidance 1.5, unipc, cache none"));
  EXPECT_TRUE(contains(run.err, "step 50/50"));
  EXPECT_FALSE(contains(run.err, "\r")) << "a status line without a terminal";
}

TEST(Generate, AModelBringsItsOwnSettings) {
  const Scratch scratch;
  const Finished run = dit_gen(
      {"-m", model_path("wan-mini-detail").string(), "-p", "a red circle moving left", "--steps", "2"}, scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_TRUE(contains(run.err, "128x128, 9 frames, 2 steps, guidance 6, unipc, cache none"));
}

TEST(Generate, WritesEveryOutputThatIsAskedFor) {
  const Scratch scratch;
  const Finished run =
      dit_gen(tiny() + Arguments{"-o", "clip.mp4", "--frames-dir", "frames", "--contact-sheet", "sheet.png", "--trace",
                                 "trace.jsonl", "--save-noise", "noise.safetensors", "--save-latents",
                                 "latents.safetensors", "--cache", "interval:interval=2", "-q"},
              scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(run.out, "clip.mp4\n");
  EXPECT_EQ(scratch.names(), (Names{"clip.mp4", "frames", "frames/frame_0000.png", "frames/frame_0001.png",
                                    "frames/frame_0002.png", "frames/frame_0003.png", "frames/frame_0004.png",
                                    "sheet.png", "trace.jsonl", "noise.safetensors", "latents.safetensors"}));
  EXPECT_TRUE(is_png(scratch / "sheet.png") && is_png(scratch / "frames/frame_0004.png"));
  EXPECT_EQ(read_file(scratch / "clip.mp4").substr(4, 4), "ftyp");
}

TEST(Generate, AFolderIsFilledWithFrames) {
  const Scratch scratch;
  const Finished run = dit_gen(tiny() + Arguments{"-o", "clip/"}, scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_TRUE(is_png(scratch / "clip/frame_0004.png"));
  EXPECT_EQ(scratch.names().size(), 6u);
}

TEST(Generate, AnExtensionMayBeInCapitals) {
  const Scratch scratch;
  const Finished run = dit_gen(tiny() + Arguments{"-o", "clip.MP4"}, scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_EQ(scratch.names(), Names{"clip.MP4"});
  EXPECT_EQ(read_file(scratch / "clip.MP4").substr(4, 4), "ftyp");
}

TEST(Generate, SeedsAreJobsWithNamesOfTheirOwn) {
  const Scratch scratch;
  const Finished list = dit_gen(tiny() + Arguments{"-s", "1,2", "-o", "clip.mp4"}, scratch.here());
  EXPECT_EQ(list.exit_code, kDone) << list.err;
  EXPECT_EQ(list.out, "clip-1.mp4\nclip-2.mp4\n");
  const Finished folder = dit_gen(tiny() + Arguments{"-s", "random:2", "-o", "clips"}, scratch.here());
  EXPECT_EQ(folder.exit_code, kDone) << folder.err;
  const std::vector<std::string> paths = lines_of(folder.out);
  ASSERT_EQ(paths.size(), 2u);
  EXPECT_NE(paths.front(), paths.back());
  for (const std::string& path : paths) {
    EXPECT_TRUE(path.starts_with("clips/")) << path;
    EXPECT_TRUE(is_png(scratch / (path + "/frame_0004.png"))) << "a folder holds PNG frames, of one clip or several";
  }
}

TEST(Generate, PromptsFileHoldsTextAndJson) {
  const Scratch scratch;
  write_file(scratch / "prompts.txt",
             "# two jobs\n\na red circle\n"
             R"({"prompt": "a ring", "negative": "blur", "seed": 7, "size": "64x48", "frames": 9, "name": "ring"})"
             "\n");
  const Finished run = dit_gen(
      {"--prompts", "prompts.txt", "--size", "64x64", "--frames", "5", "--steps", "2", "-o", "out.mp4", "--json"},
      scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_EQ(scratch.names(), (Names{"prompts.txt", "out-0003-42.mp4", "out-ring-7.mp4"}));
  const json ring = json::parse(dit_gen({"inspect", "out-ring-7.mp4", "--json"}, scratch.here()).out).at("run");
  const json expected = {{"prompt", "a ring"}, {"negative", "blur"}, {"seed", 7},
                         {"width", 64},        {"height", 48},       {"frames", 9}};
  for (const auto& [key, value] : expected.items()) EXPECT_EQ(ring.at(key), value) << key;
  EXPECT_EQ(run.events("done").front().at("seed"), 42);
}

TEST(Generate, PatternsNameTheJobs) {
  const Scratch scratch;
  write_file(scratch / "prompts.txt", "a\nb\n");
  const Arguments base = {"--prompts", "prompts.txt", "--size", "64x64", "--frames", "1", "--steps", "1", "-q"};
  const Finished run = dit_gen(base + Arguments{"-s", "1,2", "-o", "{seed}-{name}.mp4"}, scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_EQ(run.out, "1-0001.mp4\n2-0001.mp4\n1-0002.mp4\n2-0002.mp4\n");
  const Finished ambiguous = dit_gen(base + Arguments{"-s", "1,2", "-o", "{name}.mp4"}, scratch.here());
  EXPECT_EQ(ambiguous.exit_code, kUsage);
  EXPECT_TRUE(contains(ambiguous.err, "accepted: a pattern that holds {seed}"));
}

TEST(Generate, OptionsThatEveryLineOverridesAreWarnedOf) {
  const Scratch scratch;
  write_file(scratch / "own.jsonl", "{\"prompt\": \"a\", \"seed\": 7}\n{\"prompt\": \"b\", \"seed\": 8}\n");
  write_file(scratch / "one.jsonl", "{\"prompt\": \"a\", \"seed\": 7}\nb\n");
  const auto warnings = [&](const Arguments& more) {
    const Arguments small = {"--size", "64x64", "--frames", "1", "--steps", "1", "--json"};
    const Finished run = dit_gen(small + more, scratch.here());
    EXPECT_EQ(run.exit_code, kDone) << run.err;
    std::vector<std::string> texts;
    for (const json& warning : run.events("warning")) texts.push_back(warning.at("message"));
    return texts;
  };
  const std::vector<std::string> none, one = {"--seed: had no effect: every line has its own"};
  EXPECT_EQ(warnings({"--prompts", "own.jsonl", "-s", "1,2"}), one);
  EXPECT_EQ(warnings({"--prompts", "own.jsonl", "-s", "1,2", "--dry-run"}), one);
  EXPECT_EQ(warnings({"--prompts", "own.jsonl", "-y"}), none);
  EXPECT_EQ(warnings({"--prompts", "one.jsonl", "-s", "1,2", "-y"}), none);
  write_file(scratch / "all.jsonl", "{\"prompt\": \"a\", \"size\": \"64x64\", \"frames\": 1, \"negative\": \"b\"}\n");
  const std::vector<std::string> three = {"--size: had no effect: every line has its own",
                                          "--frames: had no effect: every line has its own",
                                          "--negative: had no effect: every line has its own"};
  EXPECT_EQ(warnings({"--prompts", "all.jsonl", "-n", "c"}), three);
}

TEST(Generate, EveryKnobOfTheRequestChangesTheFrames) {
  const Scratch scratch;
  const std::string usual = hash_with(scratch, {});
  EXPECT_EQ(hash_with(scratch, {"-s", "42"}), usual);
  const std::vector<Arguments> knobs = {{"-s", "43"},     {"-n", "blue"},        {"--guidance", "5"},
                                        {"--shift", "7"}, {"--solver", "euler"}, {"--dtype", "bf16"}};
  std::set<std::string> hashes = {usual};
  for (const Arguments& knob : knobs) hashes.insert(hash_with(scratch, knob));
  EXPECT_EQ(hashes.size(), knobs.size() + 1);
}

TEST(Generate, TheKernelsAndThreadsOnOfferRun) {
  const Scratch scratch;
  EXPECT_NE(hash_with(scratch, {"--kernels", "reference", "--threads", "2", "--device", "cpu"}), "");
}

TEST(Generate, GuidanceOneRunsOneBranch) {
  const Scratch scratch;
  const Finished run = dit_gen(tiny() + Arguments{"--guidance", "1", "--json"}, scratch.here());
  EXPECT_EQ(run.events("done").front().at("branch_steps"), (json{{"computed", 2}, {"total", 2}}));
}

TEST(Generate, ComparesWithFullCompute) {
  const Scratch scratch;
  const Arguments options = {"-o",    "clip.mp4", "--cache", "interval:interval=2", "--compare", "--contact-sheet",
                             "s.png", "-s",       "random:1"};
  const Finished run = dit_gen(tiny() + options, scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  const std::vector<std::string> lines = lines_of(run.out);
  ASSERT_EQ(lines.size(), 2u);
  for (const char* part : {"x faster denoising, measured", "PSNR", "SSIM", "worst frame", "1 thread", "fp32"}) {
    EXPECT_TRUE(contains(lines.back(), part));
  }
  EXPECT_TRUE(contains(run.err, "again: "));
  EXPECT_FALSE(contains(run.err, "random")) << "the seed that was drawn is named";
  EXPECT_TRUE(is_png(scratch / "s.png"));
}

TEST(Generate, PoliciesStack) {
  const Scratch scratch;
  const Finished run = dit_gen({"-p", "x", "--size", "64x64", "--frames", "5", "--steps", "8", "--json", "--cache",
                                "steps:compute=4", "--cache", "interval:interval=2"},
                               scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  const json done = run.events("done").front();
  EXPECT_EQ(done.at("cache"), "steps:compute=4 + interval:interval=2,site=stack,first=1,last=0");
  EXPECT_EQ(done.at("units"), (json{{"computed", 4 * 60}, {"total", 8 * 120}}));
}

TEST(Generate, ASettingThatNeverReusesGivesTheBitsOfNoPolicy) {
  const Scratch scratch;
  EXPECT_EQ(hash_with(scratch, {"--cache", "taylorseer:interval=1"}), hash_with(scratch, {}));
}

// Full compute is timed first: pages that later runs keep would make it look slower than it is.
TEST(Generate, AComparisonsRunsFindTheMemoryTheyNeed) {
  const Scratch scratch;
  const auto faults_with = [&](const char* steps) {
    const std::int64_t before = page_faults();
    const Finished run = dit_gen({"-p", "a red circle", "--size", "128x128", "--steps", steps, "--cache",
                                  "steps:compute=4", "--compare", "-y", "-o", "clip.mp4"},
                                 scratch.here());
    EXPECT_EQ(run.exit_code, kDone) << run.err;
    return page_faults() - before;
  };
  const std::int64_t few = faults_with("8");
  EXPECT_LT(faults_with("16"), few + few / 4) << "each further step was given its memory anew";
}

TEST(Generate, AHandWrittenScheduleDecides) {
  const Scratch scratch;
  write_file(scratch / "plan.jsonl",
             R"({"run": {"steps": 2, "sites": [{"name": "all", "scope": "units", "begin": 0, "end": 60, )"
             R"("form": "delta", "keep": 1}]}})"
             "\n"
             R"({"step": 0, "branch": "conditional", "site": "all", "action": "recompute"})"
             "\n"
             R"({"step": 1, "branch": "conditional", "site": "all", "action": "blend", "weights": [1.0]})"
             "\n");
  const Finished run = dit_gen(tiny() + Arguments{"--schedule", "plan.jsonl", "--json"}, scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_EQ(run.events("done").front().at("units"), (json{{"computed", 3 * 60}, {"total", 4 * 60}}));
  EXPECT_TRUE(contains(dit_gen({"inspect", "plan.jsonl"}, scratch.here()).out, "kind           schedule"));
}

TEST(Generate, ABudgetThatIsTooSmallIsNamed) {
  const Scratch scratch;
  const Finished small =
      dit_gen(tiny() + Arguments{"-y", "--cache", "interval", "--cache-bytes", "1KiB"}, scratch.here());
  EXPECT_EQ(small.exit_code, kDone);
  EXPECT_TRUE(contains(small.err, "warning: --cache-bytes: 4 features did not fit the budget of 1024 bytes"));
  EXPECT_TRUE(contains(small.err, "reused nothing in 2 steps"));
  const Finished idle =
      dit_gen(tiny() + Arguments{"-y", "--cache", "steps:compute=1", "--cache-bytes", "1GiB"}, scratch.here());
  EXPECT_TRUE(contains(idle.err, "warning: --cache-bytes: has no effect: cache steps:compute=1 stores nothing"));
  const Finished large =
      dit_gen(tiny() + Arguments{"-y", "--cache", "interval", "--cache-bytes", "1GiB"}, scratch.here());
  EXPECT_FALSE(contains(large.err, "warning"));
}

TEST(Generate, ADryRunShowsThePlanAndWritesNothing) {
  const Scratch scratch;
  const Arguments request = {"-p",      "x", "--size",    "64x64",   "--frames",           "5",
                             "--steps", "4", "--dry-run", "--cache", "interval:interval=2"};
  const Finished text = dit_gen(request, scratch.here());
  EXPECT_EQ(text.exit_code, kDone) << text.err;
  for (const char* part : {"blocks.0-19 CRCR", "50.00 % of 480", "seconds  text", "bytes    weights"}) {
    EXPECT_TRUE(contains(text.out, part));
  }
  const json plan = dit_gen(request + Arguments{"--json"}, scratch.here()).events("dry_run").front();
  EXPECT_EQ(plan.at("map").at("unconditional").at("blocks.0-19"), "CRCR");
  EXPECT_EQ(plan.at("units"), (json{{"least", 240}, {"most", 240}, {"total", 480}}));
  EXPECT_GT(plan.at("seconds").at("denoise_most").get<double>(), 0);
  EXPECT_GT(plan.at("bytes").at("cache").get<std::int64_t>(), 0);
  EXPECT_EQ(scratch.names(), Names{});
}

/// A dry run and the run refuse the same jobs, in the same words.
TEST(Generate, ADryRunRefusesWhatTheRunRefuses) {
  const Scratch scratch;
  write_file(scratch / "prompts.jsonl",
             "{\"prompt\": \"a\", \"frames\": 6}\n{\"prompt\": \"b\"}\n{bad\n{\"prompt\": \"c\", \"size\": \"33x64\"}\n"
             "{\"prompt\": \"d\", \"frames\": 5}\n");
  const Arguments batch = {"--prompts", "prompts.jsonl", "--size", "64x64", "--frames", "1", "--steps", "1", "--json"};
  const Finished real = dit_gen(batch + Arguments{"-q"}, scratch.here());
  const Finished dry = dit_gen(batch + Arguments{"-q", "--dry-run"}, scratch.here());
  EXPECT_EQ(real.exit_code, kSomeJobsFailed);
  EXPECT_EQ(dry.exit_code, kSomeJobsFailed);
  EXPECT_EQ(dry.err, real.err);
  EXPECT_EQ(dry.events("failed"), real.events("failed"));
  EXPECT_EQ(dry.events("failed").size(), 3u);
  EXPECT_TRUE(contains(dry.events("failed").front().at("error"), "prompts.jsonl:1: --frames: 6 "));
  EXPECT_EQ(dry.events("dry_run").front().at("jobs"), 2);

  write_file(scratch / "bad.jsonl", "{\"prompt\": \"a\", \"frames\": 6}\n");
  const Finished none = dit_gen({"--prompts", "bad.jsonl", "--dry-run", "-q"}, scratch.here());
  EXPECT_EQ(none.exit_code, kSomeJobsFailed);
  EXPECT_TRUE(is_one_error_line(none.err));
  write_file(scratch / "empty.txt", "# none\n");
  const Finished empty = dit_gen({"--prompts", "empty.txt", "--dry-run"}, scratch.here());
  EXPECT_EQ(empty.exit_code, kBadInputFile);
  EXPECT_TRUE(contains(empty.err, "empty.txt: holds no prompts; accepted: "));
}

TEST(Generate, ATerminalSeesOneLineThatIsRedrawn) {
  const Scratch scratch;
  const Finished run = dit_gen(tiny() + Arguments{"--cache", "interval"}, {.folder = scratch.path(), .terminal = true});
  EXPECT_EQ(run.exit_code, kDone);
  EXPECT_TRUE(contains(run.err, "\r\x1b[2Kstep 1/2 [############............] 50 %"));
  EXPECT_TRUE(contains(run.err, "s/it  ETA 0:00  hit 50 %"));
}

TEST(Generate, OptionsWithoutEffectAreErrors) {
  const std::vector<std::pair<Arguments, std::string>> cases = {
      {{}, "--prompt: is missing; accepted: -p TEXT, or --prompts FILE"},
      {{"-p", "x", "--prompts", "y"}, "--prompts: cannot be joined with --prompt"},
      {{"-p", "x", "--compare"}, "--compare: there is nothing to compare"},
      {{"-p", "x", "--cache-bytes", "1GiB"}, "--cache-bytes: has no effect without a cache"},
      {{"-p", "x", "--replay", "a", "--cache", "interval"}, "--replay: cannot be joined"},
      {{"-p", "x", "--schedule", "a", "--replay", "b"}, "cannot be joined with another source of decisions"},
      {{"-p", "x", "--noise", "n", "-s", "1"}, "--seed: has no effect with --noise"},
      {{"-p", "x", "--dry-run", "-o", "a.mp4"}, "--output: has no effect with --dry-run"},
      {{"-p", "x", "-o", "folder", "--fps", "8"}, "--fps: has no effect on PNG frames"},
      {{"-p", "x", "-o", "folder", "--no-metadata"}, "--no-metadata: has no effect on PNG frames"},
      {{"-p", "x", "-o", "a.webm"}, "'.webm' is no format that is written"},
      {{"-p", "x", "-o", "a.WebM"}, "'.webm' is no format that is written"},
      {{"-p", "x", "-n", "y", "--guidance", "1"}, "--negative: has no effect at guidance 1"},
      {{"-p", "x", "-n", "y", "--guidance", "1", "--dry-run"}, "--negative: has no effect at guidance 1"},
      {{"-p", "x", "-s", "1,2", "--frames", "6", "--dry-run"}, "--frames: 6 "},
      {{"-p", "x", "-m", data_path("wan/tiny-pipeline").string(), "--no-verify"}, "--no-verify: has no effect"},
      {{"-p", "x", "doctor"}, "--prompt: has no effect with the verb 'doctor'"},
      {{"-p", "x", "--steps", "2", "--steps", "3"}, "--steps: is given more than once"},
      {{"-p", "x", "--cache-bytes"}, "--cache-bytes: has no value; accepted: SIZE"},
      {{"-p", "x", "-q", "--cache", "interval", "--cache", "taylorseer:site=stack"},
       "--cache: two sites are named 'blocks.0-19'; accepted: policies whose sites are apart or nest"},
      {{"-p", "x", "--device", "tpu"}, "--device: 'tpu' is no device"},
  };
  for (const auto& [arguments, text] : cases) {
    const Scratch scratch;
    const Finished run = dit_gen(arguments, scratch.here());
    EXPECT_EQ(run.exit_code, kUsage) << text;
    EXPECT_TRUE(is_one_error_line(run.err));
    EXPECT_TRUE(contains(run.err, text));
    EXPECT_EQ(scratch.names(), Names{});
  }
}

}  // namespace
}  // namespace ditto::test
