// dit-eval from outside: scenarios, codecs, clips of other programs, the oracle.
#include <gtest/gtest.h>

#include "end_to_end/scratch.h"

namespace ditto::test {
namespace {

using nlohmann::json;

constexpr const char* kPrompt = "a small red circle moving left on a white background";

Finished dit_eval(const Arguments& arguments, const RunOptions& options) {
  return Running("dit-eval", arguments, options).finish();
}

/// Two settings of one policy, 4 steps, 5 frames.
json tiny_scenario() {
  return {
      {"name", "tiny"},       {"size", "64x64"},
      {"frames", 5},          {"steps", 4},
      {"prompts", {kPrompt}}, {"rows", {{{"name", "interval"}, {"cache", "interval:interval={x}"}, {"x", {1, 2}}}}}};
}

std::vector<json> lines_in(const fs::path& path) {
  std::vector<json> lines;
  for (const std::string& line : lines_of(read_file(path))) lines.push_back(json::parse(line));
  return lines;
}

class Evaluated : public testing::Test {
 protected:
  void SetUp() override { write_file(scratch_ / "scenario.json", tiny_scenario().dump()); }

  Finished run(const Arguments& arguments) {
    return dit_eval(Arguments{"run", "scenario.json", "-o", "results"} + arguments, scratch_.here());
  }
  fs::path result(const std::string& name) const { return scratch_.path() / "results" / name; }

  Scratch scratch_;
};

TEST_F(Evaluated, RawFramesAndWhatACodecLeavesAreBothScored) {
  ASSERT_EQ(run({}).exit_code, kDone);
  for (const json& record : lines_in(result("records.jsonl"))) EXPECT_FALSE(record["scores"].contains("psnr@crf=25"));
  const Finished coded = run({"--through-codec", "crf=25"});
  ASSERT_EQ(coded.exit_code, kDone) << coded.err;
  EXPECT_TRUE(contains(coded.out, "psnr@crf=25, dB (worst clip)"));
  EXPECT_TRUE(contains(coded.out, "| psnr, dB (worst clip)"));
  const std::vector<json> records = lines_in(result("records.jsonl"));
  ASSERT_EQ(records.size(), 4U) << "measured again, because the new scores were missing";
  EXPECT_EQ(records[2]["scores"]["psnr@crf=25"], 100) << "interval 1 gives the bits of full compute";
  const json& reused = records[3]["scores"];
  EXPECT_LT(reused["psnr"], 60);
  EXPECT_NE(reused["psnr"], reused["psnr@crf=25"]);
  EXPECT_TRUE(reused.contains("ssim@crf=25"));
  ASSERT_EQ(run({"--through-codec", "crf=25"}).exit_code, kDone);
  ASSERT_EQ(run({}).exit_code, kDone);
  EXPECT_EQ(lines_in(result("records.jsonl")).size(), 4U) << "nothing was missing";
}

TEST_F(Evaluated, AScenarioCanAskForTheCodec) {
  json scenario = tiny_scenario();
  scenario["through_codec"] = "crf=30";
  write_file(scratch_ / "scenario.json", scenario.dump());
  ASSERT_EQ(run({}).exit_code, kDone);
  EXPECT_TRUE(lines_in(result("records.jsonl")).front()["scores"].contains("psnr@crf=30"));
  scenario["through_codec"] = "crf=99";
  write_file(scratch_ / "scenario.json", scenario.dump());
  const Finished refused = run({});
  EXPECT_EQ(refused.exit_code, kBadInputFile);
  EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval"));
}

TEST_F(Evaluated, BadCodecsAreRefusedInOneLine) {
  for (const char* codec : {"crf=52", "crf=-1", "25", "crf=", "crf=nan", "h265"}) {
    for (const Arguments& verb : {Arguments{"run", "scenario.json", "-o", "results"}, {"compare", "a", "b"}}) {
      const Finished refused = dit_eval(verb + Arguments{"--through-codec", codec}, scratch_.here());
      EXPECT_EQ(refused.exit_code, kUsage) << codec;
      EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval")) << codec;
      EXPECT_TRUE(contains(refused.err, "--through-codec")) << codec;
    }
  }
}

TEST_F(Evaluated, ClipsOfAnotherProgramAreScoredAgainstTheirOwnReference) {
  ASSERT_EQ(run({}).exit_code, kDone);
  const fs::path full = fs::directory_iterator(result("full"))->path();
  fs::create_directories(scratch_ / "others");
  fs::copy_file(full, scratch_ / "others/full.safetensors");
  const json clip = {{"row", "another"},
                     {"cache", "its setting"},
                     {"prompt", kPrompt},
                     {"seed", 42},
                     {"seconds", 0.5},
                     {"full_seconds", 1.0},
                     {"units_computed", 30},
                     {"units_total", 60},
                     {"branch_steps_computed", 4},
                     {"branch_steps_total", 8},
                     {"frames", "full.safetensors"},
                     {"reference", "full.safetensors"}};
  write_file(scratch_ / "others/clips.jsonl", clip.dump() + "\n");
  write_file(scratch_ / "others/about.txt", "another 1.0\n");
  const Finished scored = run({"--clips", "others"});
  ASSERT_EQ(scored.exit_code, kDone) << scored.err;
  EXPECT_TRUE(contains(scored.out, "| another | `its setting` | 2.00x | 0.500 | 50 % | 100.0"));
  EXPECT_TRUE(contains(scored.out, "clips of other programs: another 1.0"));
  EXPECT_EQ(lines_in(result("records.jsonl")).size(), 3U);
  ASSERT_EQ(run({"--clips", "others"}).exit_code, kDone);
  EXPECT_EQ(lines_in(result("records.jsonl")).size(), 3U) << "scored once";

  for (const auto& [key, value] : std::vector<std::pair<std::string, json>>{{"frames", "../results/records.jsonl"},
                                                                            {"reference", "missing.safetensors"},
                                                                            {"prompt", "another prompt"},
                                                                            {"seconds", 0},
                                                                            {"colour", "red"}}) {
    json bad = clip;
    bad["cache"] = "not scored yet";
    bad[key] = value;
    write_file(scratch_ / "others/clips.jsonl", bad.dump() + "\n");
    const Finished refused = run({"--clips", "others"});
    EXPECT_EQ(refused.exit_code, kBadInputFile) << key;
    EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval")) << key;
  }
  EXPECT_EQ(lines_in(result("records.jsonl")).size(), 3U);
}

TEST_F(Evaluated, TheOracleIsSearchedOncePerPromptAndGivesAColumn) {
  const Arguments oracle = {"oracle", "scenario.json", "-o", "results", "--compute", "1-3", "--beam", "4"};
  const Finished searched = dit_eval(oracle + Arguments{"--json"}, scratch_.here());
  ASSERT_EQ(searched.exit_code, kDone) << searched.err;
  const json curve = searched.events().front();
  EXPECT_EQ(curve["prompt"], kPrompt);
  ASSERT_EQ(curve["points"].size(), 3U);
  EXPECT_EQ(curve["points"][0]["pattern"], "CRRR");
  EXPECT_LT(curve["points"][0]["psnr"], curve["points"][2]["psnr"]);
  const std::string kept = read_file(result("oracle.jsonl"));
  const auto when = fs::last_write_time(result("oracle.jsonl"));
  ASSERT_EQ(dit_eval(oracle, scratch_.here()).exit_code, kDone);
  EXPECT_EQ(read_file(result("oracle.jsonl")), kept);
  EXPECT_EQ(fs::last_write_time(result("oracle.jsonl")), when) << "nothing was searched again";

  const Finished table = run({});
  EXPECT_TRUE(contains(table.out, "| dB to the oracle |"));
  EXPECT_TRUE(contains(table.out, std::string("- ") + kPrompt + " (seed 42)"));
  const Finished other = dit_eval({"report", "results", "--oracle", "results/none.jsonl"}, scratch_.here());
  EXPECT_EQ(other.exit_code, kBadInputFile);
  EXPECT_TRUE(is_one_error_line(other.err, "dit-eval"));
}

TEST_F(Evaluated, NumbersTheOracleCannotComputeAreRefused) {
  for (const char* numbers : {"0", "5", "3-1", "a", "2,,3"}) {
    const Finished refused =
        dit_eval({"oracle", "scenario.json", "-o", "results", "--compute", numbers}, scratch_.here());
    EXPECT_EQ(refused.exit_code, kUsage) << numbers;
    EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval")) << refused.err;
  }
}

}  // namespace
}  // namespace ditto::test
