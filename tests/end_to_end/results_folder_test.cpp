// What a folder of results is taken for: the same scenario, weights, commit, machine and files, or nothing to go on
// with.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "end_to_end/evaluated.h"

namespace ditto::test {
namespace {

TEST_F(Evaluated, ResultsOfAnotherOriginAreNotMixed) {
  json scenario = tiny_scenario();
  scenario["goals"] = json::array({2});
  write_file(scratch_ / "scenario.json", scenario.dump());
  ASSERT_EQ(run({}).exit_code, kDone);
  const json machine = json::parse(read_file(result("machine.json")));
  json weights = machine;
  weights["model"]["weight_hash"] = "0123abcd";
  std::vector<std::pair<json, std::string>> others = {{weights, machine["model"]["weight_hash"]}};
  for (const char* key : {"commit", "presets", "processor", "blas", "libtorch"}) {
    json other = machine;
    other[key] = "0123abcd";
    others.emplace_back(other, machine[key]);
  }
  const auto expect_refused = [&] {
    for (const auto& [other, own] : others) {
      write_file(result("machine.json"), other.dump());
      const Finished refused = run({});
      EXPECT_EQ(refused.exit_code, kUsage);
      EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval"));
      EXPECT_TRUE(contains(refused.err, "0123abcd, this is " + own + "; accepted: another folder")) << refused.err;
      EXPECT_EQ(json::parse(read_file(result("machine.json"))), other) << "what was measured stays described";
    }
  };
  expect_refused();
  fs::remove(result("records.jsonl"));
  expect_refused();  // for the tuning
  fs::remove(result("tuning.json"));
  EXPECT_EQ(run({}).exit_code, kDone) << "without results there is nothing to mix";
}

TEST_F(Evaluated, AFolderOfOtherFilesIsLeftAlone) {
  write_file(result("report.md"), "mine");
  const Finished refused = run({});
  EXPECT_EQ(refused.exit_code, kUsage);
  EXPECT_TRUE(contains(refused.err, "results is not empty and not by dit-eval; accepted: a new or empty folder"));
  EXPECT_EQ(read_file(result("report.md")), "mine");
  EXPECT_FALSE(fs::exists(result("scenario.json")));
}

TEST_F(Evaluated, AFolderInUseIsLeftAlone) {
  ASSERT_EQ(run({}).exit_code, kDone);
  EXPECT_FALSE(fs::exists(result(".dit-eval.lock"))) << "of a run that is over";
  const int lock = ::open(result(".dit-eval.lock").c_str(), O_RDWR | O_CREAT, 0644);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  const Finished refused = run({});
  ::close(lock);
  EXPECT_EQ(refused.exit_code, kUsage);
  EXPECT_TRUE(contains(refused.err, "results: is in use by another run"));
  EXPECT_EQ(run({}).exit_code, kDone);
}

TEST_F(Evaluated, ASettingThatTheModelRefusesIsBlamedOnItsRowBeforeTheWork) {
  json scenario = tiny_scenario();
  scenario["rows"].push_back({{"name", "fewer"}, {"cache", "steps:compute={x}"}, {"x", {2, 7}}});
  write_file(scratch_ / "scenario.json", scenario.dump());
  const Finished refused = run({});
  EXPECT_EQ(refused.exit_code, kBadInputFile);
  EXPECT_TRUE(contains(refused.err, "scenario.json: row 'fewer': steps:compute=7: ")) << refused.err;
  EXPECT_FALSE(fs::exists(result("")));
}

TEST_F(Evaluated, WhatGoalsNoLongerChooseLeavesTheTable) {
  const auto plan = [&](const char* name, const char* cache) {
    const Finished made = dit_gen({"-p", kPrompt, "--size", "64x64", "--frames", "5", "--steps", "4", "--cache", cache,
                                   "--trace", name, "-o", "clip.mp4", "-y"},
                                  scratch_.here());
    ASSERT_EQ(made.exit_code, kDone) << made.err;
  };
  json scenario = tiny_scenario();
  scenario["goals"] = json::array({1000});
  scenario["rows"] = {{{"name", "planned"}, {"cache", "schedule:file={dir}/{x}.jsonl"}, {"x", {"a", "b"}}}};
  write_file(scratch_ / "scenario.json", scenario.dump());
  const auto chosen = [&] {
    EXPECT_EQ(run({}).exit_code, kDone);
    const std::vector<json> records = lines_in(result("records.jsonl"));
    EXPECT_EQ(records.size(), 1U);
    return records.front().at("cache").get<std::string>();
  };
  plan("a.jsonl", "interval:interval=4");
  plan("b.jsonl", "none");
  EXPECT_EQ(chosen(), "schedule:file={dir}/a.jsonl");
  plan("a.jsonl", "none");
  plan("b.jsonl", "interval:interval=4");
  EXPECT_EQ(chosen(), "schedule:file={dir}/b.jsonl");
}

TEST_F(Evaluated, AScheduleWithOtherContentsIsMeasuredAgain) {
  const auto plan = [&](const char* cache) {
    const Finished made = dit_gen({"-p", kPrompt, "--size", "64x64", "--frames", "5", "--steps", "4", "--cache", cache,
                                   "--trace", "plan.jsonl", "-o", "clip.mp4", "-y"},
                                  scratch_.here());
    ASSERT_EQ(made.exit_code, kDone) << made.err;
  };
  json scenario = tiny_scenario();
  scenario["rows"] = {{{"name", "planned"}, {"cache", "schedule:file={dir}/plan.jsonl"}}};
  write_file(scratch_ / "scenario.json", scenario.dump());
  plan("interval:interval=2");
  ASSERT_EQ(run({}).exit_code, kDone);
  ASSERT_EQ(run({}).exit_code, kDone);
  ASSERT_EQ(lines_in(result("records.jsonl")).size(), 1U);
  plan("interval:interval=4");
  ASSERT_EQ(run({}).exit_code, kDone);
  const std::vector<json> records = lines_in(result("records.jsonl"));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_NE(records[0]["units_computed"], records[1]["units_computed"]);
  const fs::path details = result("details");
  for (const auto& entry : fs::directory_iterator(details)) {
    if (entry.path().extension() != ".json") continue;
    EXPECT_TRUE(contains(read_file(fs::path(entry.path()) += "l"), "\"age\":3")) << "described again too";
  }
}

TEST_F(Evaluated, AProfileWithOtherContentsIsMeasuredAgain) {
  json scenario = tiny_scenario();
  scenario["rows"] = {{{"name", "by magnitude"}, {"cache", "magcache:threshold=1,profile={dir}/measured"}}};
  write_file(scratch_ / "scenario.json", scenario.dump());
  std::size_t times = 0;
  for (const char* prompt : {"a red circle", "a large blue ring moving up"}) {
    write_file(scratch_ / "prompts.txt", prompt);
    const Arguments measure = {"run", "--prompts", "prompts.txt", "--size", "64x64", "--frames", "5",       "--steps",
                               "4",   "--only",    "residual",    "-q",     "-y",    "-o",       "measured"};
    ASSERT_EQ(Running("dit-profile", measure, scratch_.here()).finish().exit_code, kDone);
    for (const bool again : {false, true}) {
      ASSERT_EQ(run({}).exit_code, kDone);
      EXPECT_EQ(lines_in(result("records.jsonl")).size(), times + 1) << (again ? "again" : prompt);
    }
    ++times;
  }
}

TEST_F(Evaluated, AScenarioIsTheSameFromEveryFolder) {
  json scenario = tiny_scenario();
  scenario["rows"] = {{{"name", "planned"}, {"cache", "schedule:file={dir}/plan.jsonl"}}};
  write_file(scratch_ / "scenario.json", scenario.dump());
  ASSERT_EQ(dit_gen({"-p", kPrompt, "--size", "64x64", "--frames", "5", "--steps", "4", "--cache",
                     "interval:interval=2", "--trace", "plan.jsonl", "-o", "clip.mp4"},
                    scratch_.here())
                .exit_code,
            kDone);
  ASSERT_EQ(run({}).exit_code, kDone);
  const Finished elsewhere = dit_eval({"run", (scratch_ / "scenario.json").string(), "-o", "results"}, scratch_.here());
  EXPECT_EQ(elsewhere.exit_code, kDone) << elsewhere.err;
  const std::vector<json> records = lines_in(result("records.jsonl"));
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]["cache"], "schedule:file={dir}/plan.jsonl");
}

TEST_F(Evaluated, AStartThatFailsDoesNotKeepItsFolder) {
  json scenario = tiny_scenario();
  scenario["frames"] = 3;
  write_file(scratch_ / "scenario.json", scenario.dump());
  const Finished refused = run({});
  EXPECT_EQ(refused.exit_code, kBadInputFile) << refused.err;
  EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval"));
  EXPECT_TRUE(contains(refused.err, "scenario.json: frames: 3"));
  EXPECT_FALSE(fs::exists(scratch_ / "results"));
  scenario["frames"] = 5;
  write_file(scratch_ / "scenario.json", scenario.dump());
  write_file(result("scenario.json"), "of a start that failed later");
  fs::create_directory(result("full"));
  ASSERT_EQ(run({}).exit_code, kDone);
  scenario["frames"] = 9;
  write_file(scratch_ / "scenario.json", scenario.dump());
  const Finished other = run({});
  EXPECT_EQ(other.exit_code, kUsage);
  EXPECT_TRUE(contains(other.err, "holds results of another scenario; accepted: a new folder"));
}

TEST_F(Evaluated, WhatIsRefusedBeforeTheWorkLeavesNoFolder) {
  const Finished oracle = dit_eval({"oracle", "scenario.json", "-o", "results", "--compute", "60"}, scratch_.here());
  EXPECT_EQ(oracle.exit_code, kUsage) << oracle.err;
  const Finished clips = run({"--clips", "nowhere"});
  EXPECT_EQ(clips.exit_code, kBadInputFile) << clips.err;
  EXPECT_FALSE(fs::exists(scratch_ / "results"));
}

TEST_F(Evaluated, WarningsOfPoliciesAreSaidOnce) {
  json scenario = tiny_scenario();
  scenario["prompts"] = {kPrompt, "a red circle"};
  scenario["rows"] = {{{"name", "negative"}, {"cache", "teacache:threshold=0.1,coefficients=0/0/0/0/-1"}}};
  write_file(scratch_ / "scenario.json", scenario.dump());
  const Finished done = run({});
  ASSERT_EQ(done.exit_code, kDone) << done.err;
  const std::size_t first = done.err.find("the polynomial was negative");
  ASSERT_NE(first, std::string::npos) << done.err;
  EXPECT_EQ(done.err.find("the polynomial was negative", first + 1), std::string::npos) << done.err;
}

}  // namespace
}  // namespace ditto::test
