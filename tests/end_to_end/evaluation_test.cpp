// dit-eval run from outside: scenarios, codecs, clips of other programs, what it leaves behind.
#include <chrono>
#include <csignal>
#include <set>
#include <thread>

#include "end_to_end/evaluated.h"

namespace ditto::test {
namespace {

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
  const std::string again = "dit-eval run scenario.json -o results --through-codec crf=25";
  EXPECT_TRUE(contains(read_file(result("report.html")), again));
  ASSERT_EQ(run({}).exit_code, kDone);
  EXPECT_TRUE(contains(read_file(result("report.html")), again)) << "its scores are still in the table";
  EXPECT_EQ(lines_in(result("records.jsonl")).size(), 4U) << "nothing was missing";
  const Finished both = run({"--through-codec", "crf=30"});
  EXPECT_TRUE(contains(both.out, "psnr@crf=30, dB (worst clip)"));
  EXPECT_TRUE(contains(both.out, "psnr@crf=25, dB (worst clip)")) << "scores of equal frames stay";
}

TEST_F(Evaluated, TheTracesOfItsSettingsHaveAllOptionsResolved) {
  ASSERT_EQ(run({}).exit_code, kDone);
  std::set<json> policies;
  for (const auto& file : fs::directory_iterator(result("details"))) {
    if (file.path().extension() == ".jsonl") policies.insert(lines_in(file.path()).front()["run"]["policies"]);
  }
  EXPECT_EQ(policies, (std::set<json>{json::array({"interval:interval=1,site=stack,first=1,last=0"}),
                                      json::array({"interval:interval=2,site=stack,first=1,last=0"})}));
}

TEST_F(Evaluated, AScenarioCanAskForTheCodec) {
  json scenario = tiny_scenario();
  scenario["through_codec"] = "crf=30";
  write_file(scratch_ / "scenario.json", scenario.dump());
  ASSERT_EQ(run({}).exit_code, kDone);
  EXPECT_TRUE(lines_in(result("records.jsonl")).front()["scores"].contains("psnr@crf=30"));
  EXPECT_FALSE(contains(read_file(result("report.html")), "--through-codec"));
  scenario["through_codec"] = "crf=99";
  write_file(scratch_ / "scenario.json", scenario.dump());
  const Finished refused = run({});
  EXPECT_EQ(refused.exit_code, kBadInputFile);
  EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval"));
}

TEST_F(Evaluated, AScenarioNeedsASeed) {
  json scenario = tiny_scenario();
  scenario["seeds"] = json::array();
  write_file(scratch_ / "scenario.json", scenario.dump());
  for (const char* verb : {"run", "oracle"}) {
    const Finished refused = dit_eval({verb, "scenario.json", "-o", "results"}, scratch_.here());
    EXPECT_EQ(refused.exit_code, kBadInputFile) << verb;
    EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval"));
    EXPECT_TRUE(contains(refused.err, "scenario.json: seeds: is empty; accepted: at least one seed")) << verb;
  }
}

TEST_F(Evaluated, RowsThatAreTunedHaveNamesOfTheirOwn) {
  json scenario = tiny_scenario();
  scenario["goals"] = json::array({2});
  json other = scenario["rows"][0];
  other["x"] = json::array({2, 4});
  scenario["rows"].push_back(other);
  write_file(scratch_ / "scenario.json", scenario.dump());
  const Finished refused = run({});
  EXPECT_EQ(refused.exit_code, kBadInputFile);
  EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval"));
  EXPECT_TRUE(contains(refused.err, "scenario.json: rows[1].name: 'interval' is the name of rows[0] too; accepted: "));
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
  write_file(scratch_ / "others/clips.jsonl", "\n" + clip.dump() + "\n");
  write_file(scratch_ / "others/about.txt", "another 1.0\n");
  const Finished scored = run({"--clips", "others"});
  ASSERT_EQ(scored.exit_code, kDone) << scored.err;
  EXPECT_TRUE(contains(scored.out, "| another | `its setting` | 2.00x | 0.500 | 50 % | 100.0"));
  EXPECT_TRUE(contains(scored.out, "clips of other programs: another 1.0"));
  EXPECT_TRUE(contains(read_file(result("report.html")), "dit-eval run scenario.json -o results --clips others"));
  EXPECT_EQ(lines_in(result("records.jsonl")).size(), 3U);
  ASSERT_EQ(run({"--clips", "others"}).exit_code, kDone);
  EXPECT_EQ(lines_in(result("records.jsonl")).size(), 3U) << "scored once";

  json faster = clip;
  faster["seconds"] = 0.25;
  write_file(scratch_ / "others/clips.jsonl", faster.dump() + "\n");
  const Finished timed = run({"--clips", "others"});
  EXPECT_TRUE(contains(timed.out, "| another | `its setting` | 4.00x | 0.250 | 50 % | 100.0"));
  EXPECT_EQ(lines_in(result("records.jsonl")).size(), 4U) << "a new measurement replaces the earlier one";
  std::string frames = read_file(full);
  frames.back() = static_cast<char>(frames.back() ^ 0x7f);
  write_file(scratch_ / "others/other.safetensors", frames);
  json other = faster;
  other["frames"] = "other.safetensors";
  write_file(scratch_ / "others/clips.jsonl", other.dump() + "\n");
  EXPECT_FALSE(contains(run({"--clips", "others"}).out, "| 50 % | 100.0"));
  EXPECT_EQ(lines_in(result("records.jsonl")).size(), 5U) << "other frames are scored";
  other["reference"] = "other.safetensors";
  write_file(scratch_ / "others/clips.jsonl", other.dump() + "\n");
  EXPECT_TRUE(contains(run({"--clips", "others"}).out, "| 50 % | 100.0"));
  EXPECT_EQ(lines_in(result("records.jsonl")).size(), 6U) << "and against another reference";

  for (const auto& [key, value] : std::vector<std::pair<std::string, json>>{{"frames", "../results/records.jsonl"},
                                                                            {"reference", "missing.safetensors"},
                                                                            {"prompt", "another prompt"},
                                                                            {"seconds", 0},
                                                                            {"units_computed", 61},
                                                                            {"branch_steps_computed", 9},
                                                                            {"colour", "red"}}) {
    json bad = clip;
    bad["cache"] = "not scored yet";
    bad[key] = value;
    write_file(scratch_ / "others/clips.jsonl", bad.dump() + "\n");
    const Finished refused = run({"--clips", "others"});
    EXPECT_EQ(refused.exit_code, kBadInputFile) << key;
    EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval")) << key;
  }
  EXPECT_EQ(lines_in(result("records.jsonl")).size(), 6U);
}

TEST_F(Evaluated, AFullDiskIsNoUsageError) {
  ASSERT_EQ(run({}).exit_code, kDone);
  const fs::path full = fs::directory_iterator(result("full"))->path();
  RunOptions options = scratch_.here();
  options.max_file_bytes = 64;
  const Finished failed =
      dit_eval({"compare", full.string(), full.string(), "--metrics", "psnr", "--through-codec", "crf=25"}, options);
  EXPECT_EQ(failed.exit_code, kOutputFailed) << failed.err;
  EXPECT_TRUE(is_one_error_line(failed.err, "dit-eval"));
}

TEST_F(Evaluated, FoldersThatCannotBeMadeAreOutputFailures) {
  for (const std::string& folder : {std::string("/proc/nope"), std::string(5000, 'a')}) {
    const Finished refused = dit_eval({"run", "scenario.json", "-o", folder}, scratch_.here());
    EXPECT_EQ(refused.exit_code, kOutputFailed) << refused.err;
    EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval"));
  }
  write_safetensors(scratch_ / "clip.safetensors", "frames", "U8", {5, 64, 64, 3}, 1);
  const Finished refused =
      Running("/usr/bin/env",
              {"TMPDIR=/nonexistent", program_path("dit-eval").string(), "compare", "clip.safetensors",
               "clip.safetensors", "--metrics", "psnr", "--json", "--through-codec", "crf=25"},
              scratch_.here())
          .finish();
  EXPECT_EQ(refused.exit_code, kOutputFailed) << refused.err;
  EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval"));
  EXPECT_TRUE(contains(refused.err, "TMPDIR: "));
}

TEST_F(Evaluated, DamagedResultsAreBadInputFiles) {
  json scenario = tiny_scenario();
  scenario["goals"] = json::array({2});
  scenario["tuning_prompts"] = 1;
  scenario["metrics"] = json::array({"psnr"});
  write_file(scratch_ / "scenario.json", scenario.dump());
  ASSERT_EQ(run({}).exit_code, kDone);
  const auto refuses = [&](const std::string& file, const std::string& contents) {
    const std::string whole = read_file(result(file));
    write_file(result(file), contents);
    const Finished refused = run({});
    EXPECT_EQ(refused.exit_code, kBadInputFile) << file << ": " << refused.err;
    EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval"));
    EXPECT_TRUE(contains(refused.err, file));
    write_file(result(file), whole);
  };
  for (const char* tuning : {"[1]", "{\"interval\": 1}", "{\"interval\": {\"1\": \"fast\"}}"}) {
    refuses("tuning.json", tuning);
  }
  json record = lines_in(result("records.jsonl")).front();
  for (const json& seed : {json("x"), json(-1), json(1.5)}) {
    record["seed"] = seed;
    refuses("records.jsonl", record.dump() + "\n");
  }
  const json machine = json::parse(read_file(result("machine.json")));
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, json>>{{"clips", 3}, {"model", "a"}, {"threads", "one"}, {"request", {1}}}) {
    json other = machine;
    other[key] = value;
    refuses("machine.json", other.dump());
  }
  refuses("machine.json", "[]");
  write_file(result("tuning.json"), "{\"interval\": {\"3\": 1.5, \"4\": 2}}");
  EXPECT_EQ(run({}).exit_code, kDone) << "values that were not measured are measured";
}

TEST_F(Evaluated, AScenarioWithAnUnknownMetricIsABadInputFile) {
  for (const char* key : {"metrics", "optional_metrics"}) {
    json scenario = tiny_scenario();
    scenario[key] = json::array({"pnsr"});
    write_file(scratch_ / "scenario.json", scenario.dump());
    const Finished refused = run({});
    EXPECT_EQ(refused.exit_code, kBadInputFile) << refused.err;
    EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval"));
    EXPECT_TRUE(contains(refused.err, std::string(key) + ": there is no metric 'pnsr' (did you mean 'psnr'?)"));
  }
}

TEST_F(Evaluated, AnInterruptionIsSaidInOneLine) {
  json scenario = tiny_scenario();
  scenario["steps"] = 1000;  // far more than the test waits for
  write_file(scratch_ / "scenario.json", scenario.dump());
  for (const char* verb : {"run", "oracle"}) {
    for (const bool quiet : {false, true}) {
      fs::remove_all(scratch_ / "results");
      const Arguments more = quiet ? Arguments{"-q"} : Arguments{};
      Running program("dit-eval", Arguments{verb, "scenario.json", "-o", "results"} + more, scratch_.here());
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
      while (!fs::exists(result("scenario.json")) && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
      program.send(SIGINT);
      const Finished stopped = program.finish();
      EXPECT_EQ(stopped.exit_code, kInterrupted) << verb;
      EXPECT_TRUE(
          contains(stopped.err, "dit-eval: error: interrupted: stopped after a step; the same command goes on"));
      EXPECT_EQ(bool(contains(stopped.err, "dit-eval: stopping after the current step")), !quiet) << verb;
      if (quiet) {
        EXPECT_TRUE(is_one_error_line(stopped.err, "dit-eval"));
      }
    }
  }
}

}  // namespace
}  // namespace ditto::test
