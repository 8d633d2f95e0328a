// What a run leaves for later: metadata, traces, noise; and the verbs that read them.
#include <memory>

#include <gtest/gtest.h>

#include "end_to_end/scratch.h"

namespace ditto::test {
namespace {

using nlohmann::json;

/// Ten steps that compute, reuse and forecast, recorded in every way: a.mp4, a.jsonl, noise and latents. The tests
/// share the folder and add files of their own names.
class Recorded : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = std::make_unique<Scratch>();
    const Finished recorded = run(request() + Arguments{"--cache", "taylorseer:interval=3", "-o", "a.mp4", "--trace",
                                                        "a.jsonl", "--save-noise", "noise.safetensors",
                                                        "--save-latents", "latents.safetensors", "--json"});
    EXPECT_EQ(recorded.exit_code, kDone) << recorded.err;
    hash_ = frame_hash(recorded);
  }
  static void TearDownTestSuite() { scratch_.reset(); }

  static Arguments request() {
    return {"-p", "a red circle", "-n", "blue", "--size", "64x64", "--frames", "5", "--steps", "10"};
  }
  static Finished run(const Arguments& arguments) { return dit_gen(arguments, scratch_->here()); }
  static fs::path file(const std::string& name) { return scratch_->path() / name; }
  static json inspect(const std::string& file) {
    const Finished inspected = run({"inspect", file, "--json"});
    EXPECT_EQ(inspected.exit_code, kDone) << inspected.err;
    return json::parse(inspected.out);
  }

  static std::unique_ptr<Scratch> scratch_;
  static std::string hash_;
};
std::unique_ptr<Scratch> Recorded::scratch_;
std::string Recorded::hash_;

TEST_F(Recorded, TheVideoTellsItsRun) {
  const json found = inspect("a.mp4");
  EXPECT_EQ(found.at("kind"), "video");
  EXPECT_EQ(found.at("width"), 64);
  EXPECT_EQ(found.at("frames"), 5);
  const json& run = found.at("run");
  const json expected = {{"prompt", "a red circle"}, {"negative", "blue"}, {"seed", 42},      {"steps", 10},
                         {"guidance", 1.5},          {"solver", "unipc"},  {"dtype", "fp32"}, {"frame_hash", hash_}};
  for (const auto& [key, value] : expected.items()) EXPECT_EQ(run.at(key), value) << key;
  EXPECT_TRUE(run.at("cache").at(0).get<std::string>().starts_with("taylorseer:interval=3,"));
  EXPECT_EQ(run.at("model").at("weight_hash").get<std::string>().size(), 64u);
  EXPECT_EQ(found.at("patterns").at("conditional").at("blocks.3.feed_forward"), "CCCFFCFFCF");
  const Finished screen = this->run({"inspect", "a.mp4"});
  EXPECT_TRUE(contains(screen.out, "blocks.0.cross_attention .. blocks.19.self_attention (60 sites) CCCFFCFFCF"));
  EXPECT_LT(lines_of(screen.out).size(), 45u) << "more than a screen";
}

TEST_F(Recorded, OtherFilesAreRecognised) {
  const json trace = inspect("a.jsonl");
  EXPECT_EQ(trace.at("kind"), "trace");
  EXPECT_EQ(trace.at("frame_hash"), hash_);
  EXPECT_EQ(trace.at("decisions"), 1200);
  const json noise = inspect("noise.safetensors");
  EXPECT_EQ(noise.at("kind"), "safetensors");
  EXPECT_EQ(noise.at("list"), (json{{"noise", "Float [1,16,2,8,8]"}}));
  EXPECT_EQ(inspect("latents.safetensors").at("list"), (json{{"latents", "Float [1,16,2,8,8]"}}));
  const json model = inspect(model_path("wan-mini").string());
  EXPECT_EQ(model.at("kind"), "model folder");
  EXPECT_EQ(model.at("pipeline"), "WanPipeline");
  EXPECT_EQ(model.at("manifest"), "verified");
  EXPECT_EQ(model.at("weight_hash"), inspect("a.mp4").at("run").at("model").at("weight_hash"));
}

TEST_F(Recorded, WhatIsNoneOfThemIsNamed) {
  write_file(file("notes.txt"), "nothing known");
  write_file(file("empty"), "");
  fs::create_directory(file("folder"));
  const std::vector<std::pair<std::string, std::string>> cases = {{"notes.txt", "notes.txt: is nothing known"},
                                                                  {"empty", "empty: is empty"},
                                                                  {"folder", "is a folder without model_index.json"},
                                                                  {"absent", "absent: does not exist"}};
  for (const auto& [file, text] : cases) {
    const Finished refused = run({"inspect", file});
    EXPECT_EQ(refused.exit_code, kBadInputFile);
    EXPECT_TRUE(is_one_error_line(refused.err));
    EXPECT_TRUE(contains(refused.err, text));
  }
}

TEST_F(Recorded, AnotherProgramsJsonIsShownAsItIs) {
  const std::string video = read_file(file("a.mp4"));
  const std::string key = "{\"ditto\":";
  const std::size_t at = video.find(key);
  ASSERT_NE(at, std::string::npos);
  // Of the same length, so that the mp4 stays whole: another key, and text that is no JSON.
  for (const std::string start : {"{\"maker\":", "{ditto: 1"}) {
    ASSERT_EQ(start.size(), key.size());
    std::string other = video;
    other.replace(at, start.size(), start);
    write_file(file("other.mp4"), other);
    const json found = inspect("other.mp4");
    EXPECT_EQ(found.at("kind"), "video");
    EXPECT_EQ(found.at("width"), 64);
    EXPECT_TRUE(contains(found.at("run").get<std::string>(), "not by dit-gen: " + start));
  }
}

TEST_F(Recorded, ReproduceGivesTheSameFrames) {
  const Finished repeated = run({"reproduce", "a.mp4", "--json"});
  EXPECT_EQ(repeated.exit_code, kDone) << repeated.err;
  const json event = repeated.events("reproduce").front();
  EXPECT_EQ(event.at("equal"), true);
  EXPECT_EQ(event.at("frame_hash"), hash_);
}

TEST_F(Recorded, ReproduceSaysWhatDiffers) {
  const Finished other = run({"reproduce", "a.mp4", "--dtype", "bf16", "-q"});
  EXPECT_EQ(other.exit_code, kInternal);
  EXPECT_TRUE(is_one_error_line(other.err));
  EXPECT_TRUE(contains(other.err, "a.mp4: not reproduced: frame hash"));
  EXPECT_TRUE(contains(other.err, "dtype was fp32, is bf16"));
}

TEST_F(Recorded, ReproduceNeedsARecordAndItsModel) {
  EXPECT_EQ(run(tiny() + Arguments{"-o", "bare.mp4", "--no-metadata"}).exit_code, kDone);
  EXPECT_EQ(inspect("bare.mp4").at("run"), "not recorded");
  const Finished bare = run({"reproduce", "bare.mp4"});
  EXPECT_EQ(bare.exit_code, kBadInputFile);
  EXPECT_TRUE(contains(bare.err, "bare.mp4: holds no record of its run; accepted: an mp4 that dit-gen wrote"));
  const Finished other = run({"reproduce", "a.mp4", "-m", data_path("wan/tiny-pipeline").string()});
  EXPECT_EQ(other.exit_code, kBadInputFile);
  EXPECT_TRUE(contains(other.err, "accepted: -m with the folder of 'wan-mini', weights "));
  const Finished trace = run({"reproduce", "a.jsonl"});
  EXPECT_EQ(trace.exit_code, kBadInputFile);
  EXPECT_TRUE(is_one_error_line(trace.err));
}

TEST_F(Recorded, AReplayedTraceGivesTheSameBits) {
  const Finished replayed =
      run(request() + Arguments{"--replay", "a.jsonl", "-o", "b.mp4", "--trace", "b.jsonl", "--json"});
  EXPECT_EQ(replayed.exit_code, kDone) << replayed.err;
  EXPECT_EQ(frame_hash(replayed), hash_);
  // All but the first line, which names the policy, is the same.
  const std::string first = read_file(file("a.jsonl")), second = read_file(file("b.jsonl"));
  EXPECT_EQ(first.substr(first.find('\n')), second.substr(second.find('\n')));
  // The clip records the decisions themselves, so it needs no trace file to be made again.
  fs::rename(file("a.jsonl"), file("away.jsonl"));
  EXPECT_EQ(run({"reproduce", "b.mp4"}).exit_code, kDone);
  fs::rename(file("away.jsonl"), file("a.jsonl"));
}

/// A profile of the recorded request, as NAME.json and NAME.safetensors.
TEST_F(Recorded, AProfileIsNamedByItsContent) {
  write_file(file("prompts.txt"), "a red circle\n");
  const Arguments measure = {"run", "--prompts", "prompts.txt", "--size", "64x64",    "--frames", "5",  "--steps",
                             "10",  "--threads", "1",           "--only", "residual", "-q",       "-o", "measured"};
  ASSERT_EQ(Running("dit-profile", measure, scratch_->here()).finish().exit_code, kDone);
  const auto cached = [](const std::string& profile) {
    return request() + Arguments{"--cache", "magcache:threshold=1,max_reuse=2,profile=" + profile};
  };
  const Finished first = run(cached(file("measured").string()) + Arguments{"-o", "p.mp4", "--trace", "p.jsonl", "-q"});
  ASSERT_EQ(first.exit_code, kDone) << first.err;
  const std::string trace = read_file(file("p.jsonl")), video = read_file(file("p.mp4"));
  for (const std::string& bytes : {trace, video}) EXPECT_EQ(bytes.find(scratch_->path().string()), std::string::npos);
  EXPECT_TRUE(contains(inspect("p.mp4").at("run").at("cache").at(0).get<std::string>(), ",profile_sha256="));
  const Finished second = run(cached("measured.json") + Arguments{"-o", "q.mp4", "--trace", "q.jsonl", "-q"});
  ASSERT_EQ(second.exit_code, kDone) << second.err;
  EXPECT_EQ(read_file(file("q.jsonl")), trace);
  EXPECT_TRUE(read_file(file("q.mp4")) == video);
  // The clip records the decisions themselves, so it needs no profile to be made again.
  for (const char* end : {".json", ".safetensors"}) {
    fs::rename(file(std::string("measured") + end), file(std::string("moved") + end));
  }
  const Finished repeated = run({"reproduce", "p.mp4", "-q"});
  EXPECT_EQ(repeated.exit_code, kDone) << repeated.err;
}

TEST_F(Recorded, AProfileIsNotOverwritten) {
  write_file(file("used.json"), "{}");
  write_file(file("used.safetensors"), "arrays");
  for (const char* name : {"used", "used.json"}) {
    for (const char* output : {"used.json", "./used.safetensors"}) {
      const Finished refused = run(tiny() + Arguments{"--cache", std::string("teacache:profile=") + name, "--trace",
                                                      output, "-o", "r.mp4", "-y"});
      EXPECT_EQ(refused.exit_code, kUsage);
      EXPECT_TRUE(is_one_error_line(refused.err));
      EXPECT_TRUE(contains(refused.err, std::string(output) + ": is read by this run (used."));
    }
  }
  EXPECT_EQ(read_file(file("used.json")), "{}");
  EXPECT_EQ(read_file(file("used.safetensors")), "arrays");
}

TEST_F(Recorded, ATraceForAnotherRunIsRefused) {
  const Finished steps = run(tiny() + Arguments{"--replay", "a.jsonl", "-q"});
  EXPECT_EQ(steps.exit_code, kBadInputFile);
  EXPECT_TRUE(contains(steps.err, "a.jsonl: made for steps 10; this run has 2; accepted: equal --steps"));
  const Finished shift = run(request() + Arguments{"--replay", "a.jsonl", "--shift", "9", "-q"});
  EXPECT_EQ(shift.exit_code, kBadInputFile);
  EXPECT_TRUE(contains(shift.err, "a.jsonl: made for shift 3; this run has 9; accepted: equal --shift"));
}

TEST_F(Recorded, EqualRunsGiveEqualBytes) {
  EXPECT_EQ(
      run(request() + Arguments{"--cache", "taylorseer:interval=3", "-o", "c.mp4", "--trace", "c.jsonl"}).exit_code,
      kDone);
  EXPECT_EQ(read_file(file("a.jsonl")), read_file(file("c.jsonl")));
  EXPECT_EQ(read_file(file("a.mp4")), read_file(file("c.mp4")));
}

TEST_F(Recorded, SavedNoiseIsTheSeedsNoise) {
  const Arguments cached = request() + Arguments{"--cache", "taylorseer:interval=3", "--json"};
  const Finished given = run(cached + Arguments{"--noise", "noise.safetensors", "-o", "d.mp4"});
  EXPECT_EQ(frame_hash(given), hash_);
  const Finished missing = run({"reproduce", "d.mp4"});
  EXPECT_EQ(missing.exit_code, kUsage);
  EXPECT_TRUE(contains(missing.err, "--noise: is missing; accepted: the initial latent of the recorded run"));
  EXPECT_EQ(run({"reproduce", "d.mp4", "--noise", "noise.safetensors"}).exit_code, kDone);
  const Finished latents = run(cached + Arguments{"--noise", "latents.safetensors", "-q"});
  EXPECT_EQ(latents.exit_code, kBadInputFile);
  EXPECT_TRUE(contains(latents.err, "latents.safetensors: has no tensor \"noise\"; accepted: "));
  const Finished shape = run(Arguments{"-p", "x", "--noise", "noise.safetensors", "--frames", "9", "-q"});
  EXPECT_EQ(shape.exit_code, kUsage);
  EXPECT_TRUE(contains(shape.err, "--noise: its shape is [1,16,2,8,8]; accepted: [1,16,3,8,8]"));
}

TEST(Verbs, PoliciesShowTypeRangeAndDefault) {
  const Finished all = dit_gen({"policies"});
  for (const char* name : {"none", "interval", "steps", "schedule", "replay", "easycache", "teacache", "firstblock"}) {
    EXPECT_TRUE(contains(all.out, name));
  }
  const Finished one = dit_gen({"policies", "taylorseer"});
  EXPECT_EQ(one.exit_code, kDone);
  EXPECT_EQ(dit_gen({"policies", "taylorseer:interval=3"}).out, one.out) << "of a specification, its policy";
  for (const char* part :
       {"type", "accepted", "default", "interval", "integer", "taylorseer:interval=1 reuses nothing"}) {
    EXPECT_TRUE(contains(one.out, part));
  }
}

TEST(Verbs, DoctorNamesWhatItFinds) {
  const Finished run = dit_gen({"doctor"});
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  for (const char* part :
       {"libtorch", "processor", "threads", "blas", "kernels", "linear_layers", "video_encoders", "verified"}) {
    EXPECT_TRUE(contains(run.out, part));
  }
}

TEST(Verbs, HelpHasExamplesAndEveryOption) {
  const Finished run = dit_gen({"--help"});
  EXPECT_EQ(run.exit_code, kDone);
  EXPECT_EQ(run.err, "");
  for (const char* part :
       {"Examples:",    "--model",         "--prompt",    "--negative",    "--prompts",     "--seed",
        "--size",       "--frames",        "--fps",       "--steps",       "--guidance",    "--shift",
        "--solver",     "--cache",         "--schedule",  "--replay",      "--compare",     "--output",
        "--frames-dir", "--contact-sheet", "--trace",     "--noise",       "--save-noise",  "--save-latents",
        "--device",     "--dtype",         "--threads",   "--kernels",     "--cache-bytes", "--dry-run",
        "--json",       "--quiet",         "--overwrite", "--no-metadata", "inspect",       "reproduce",
        "policies",     "doctor",          "Exit codes: "}) {
    EXPECT_TRUE(contains(run.out, part));
  }
}

}  // namespace
}  // namespace ditto::test
