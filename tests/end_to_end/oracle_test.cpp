// dit-eval oracle from outside.
#include "end_to_end/evaluated.h"

namespace ditto::test {
namespace {

TEST_F(Evaluated, TheOracleIsSearchedOncePerPromptAndGivesAColumn) {
  const Arguments oracle = {"oracle", "scenario.json", "-o", "results", "--compute", "1-3", "--beam", "4"};
  const Finished searched = dit_eval(oracle + Arguments{"--json"}, scratch_.here());
  ASSERT_EQ(searched.exit_code, kDone) << searched.err;
  const json curve = searched.events().front();
  EXPECT_EQ(curve["prompt"], kPrompt);
  ASSERT_EQ(curve["points"].size(), 3U);
  EXPECT_EQ(curve["points"][0]["pattern"], "CRRR");
  EXPECT_LT(curve["points"][0]["psnr"], curve["points"][2]["psnr"]);
  EXPECT_FALSE(fs::exists(result("machine.json"))) << "that describes where clips were measured";
  const std::string kept = read_file(result("oracle.jsonl"));
  const auto when = fs::last_write_time(result("oracle.jsonl"));
  ASSERT_EQ(dit_eval(oracle, scratch_.here()).exit_code, kDone);
  EXPECT_EQ(read_file(result("oracle.jsonl")), kept);
  EXPECT_EQ(fs::last_write_time(result("oracle.jsonl")), when) << "nothing was searched again";

  const Arguments fourth = {"oracle", "scenario.json", "-o", "results", "--compute", "4", "--beam", "4"};
  ASSERT_EQ(dit_eval(fourth, scratch_.here()).exit_code, kDone);
  const std::vector<json> more = lines_in(result("oracle.jsonl"));
  ASSERT_EQ(more.size(), 1U);
  ASSERT_EQ(more.front()["points"].size(), 4U) << "what was searched before stays";
  EXPECT_EQ(more.front()["points"][1], curve["points"][1]);
  write_file(result("oracle.jsonl"), kept);

  const Finished table = run({});
  EXPECT_TRUE(contains(table.out, "| dB to the oracle |"));
  EXPECT_TRUE(contains(table.out, std::string("- ") + kPrompt + " (seed 42)"));
  const Finished other = dit_eval({"report", "results", "--oracle", "results/none.jsonl"}, scratch_.here());
  EXPECT_EQ(other.exit_code, kBadInputFile);
  EXPECT_TRUE(is_one_error_line(other.err, "dit-eval"));

  json shorter = curve;
  shorter["request"]["guidance"] = "7";
  write_file(result("oracle.jsonl"), shorter.dump() + "\n");
  const Finished without = dit_eval({"report", "results"}, scratch_.here());
  EXPECT_EQ(without.exit_code, kDone) << without.err;
  EXPECT_TRUE(contains(without.err, "guidance is 7 there and 1.5 here"));
  EXPECT_FALSE(contains(without.out, "dB to the oracle"));
  ASSERT_EQ(dit_eval(oracle, scratch_.here()).exit_code, kDone);
  EXPECT_EQ(read_file(result("oracle.jsonl")), kept) << "what fits no more is searched again";
}

TEST_F(Evaluated, TheShippedOracleBelongsToTheShippedScenario) {
  const fs::path scenarios = model_path("../eval/scenarios");
  const fs::path oracle = scenarios / "policies-64-oracle.jsonl";
  ASSERT_EQ(run({}).exit_code, kDone);
  const Finished other = dit_eval({"report", "results", "--oracle", oracle.string()}, scratch_.here());
  EXPECT_EQ(other.exit_code, kBadInputFile);
  EXPECT_TRUE(is_one_error_line(other.err, "dit-eval"));
  EXPECT_TRUE(contains(other.err, "size is 64x64x17 there and 64x64x5 here"));

  // As if the scenario itself had been measured: it differs from the tiny one in prompts, frames and steps.
  json machine = json::parse(read_file(result("machine.json")));
  machine["request"]["size"] = "64x64x17";
  machine["request"]["steps"] = "50";
  std::string records;
  for (const json& curve : lines_in(oracle)) {
    json record = lines_in(result("records.jsonl")).front();
    record["prompt"] = curve["prompt"];
    record["units_computed"] = record["units_total"].get<int>() / 2;
    records += record.dump() + "\n";
  }
  fs::copy_file(scenarios / "policies-64.json", result("scenario.json"), fs::copy_options::overwrite_existing);
  write_file(result("records.jsonl"), records);
  json earlier = machine;
  earlier.erase("request");
  for (const json& description : {machine, earlier}) {
    write_file(result("machine.json"), description.dump());
    const Finished table = dit_eval({"report", "results", "--oracle", oracle.string()}, scratch_.here());
    EXPECT_EQ(table.exit_code, kDone) << table.err;
    EXPECT_TRUE(contains(table.out, "| dB to the oracle |"));
  }
}

TEST_F(Evaluated, TheOracleHasNoMorePromptsThanTheScenario) {
  const Finished refused = dit_eval({"oracle", "scenario.json", "-o", "results", "--prompts", "2"}, scratch_.here());
  EXPECT_EQ(refused.exit_code, kUsage);
  EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval"));
  EXPECT_TRUE(contains(refused.err, "--prompts: 2"));
  EXPECT_TRUE(contains(refused.err, "accepted: 1 to 1"));
}

TEST_F(Evaluated, NumbersTheOracleCannotComputeAreRefused) {
  for (const char* numbers : {"0", "5", "3-1", "a", "2,,3"}) {
    const Finished refused =
        dit_eval({"oracle", "scenario.json", "-o", "results", "--compute", numbers}, scratch_.here());
    EXPECT_EQ(refused.exit_code, kUsage) << numbers;
    EXPECT_TRUE(is_one_error_line(refused.err, "dit-eval")) << refused.err;
    EXPECT_TRUE(contains(refused.err, "--compute: "));
  }
}

}  // namespace
}  // namespace ditto::test
