#include "eval/oracle.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "eval/report/table.h"
#include "eval/score_name.h"

namespace ditto {
namespace {

OracleCurve curve(const std::string& prompt) {
  return {.key = "key of " + prompt,
          .request = {{"model", "abc"}, {"size", "64x64x17"}, {"steps", "50"}},
          .prompt = prompt,
          .seed = 42,
          .steps = 50,
          .beam = 16,
          .rounds = 1,
          .points = {{10, 30, "CR"}, {20, 40, "CR"}, {25, 44, "CC"}}};
}

EvaluationRecord record(const std::string& prompt, std::int64_t units_computed, double psnr) {
  EvaluationRecord record;
  record.row = "policy";
  record.cache = "a";
  record.prompt = prompt;
  record.seed = 42;
  record.seconds = record.full_seconds = 1;
  record.units_computed = units_computed;
  record.units_total = 1000;
  record.scores = record.worst = {{"psnr", psnr}};
  return record;
}

std::optional<double> gap(const std::vector<EvaluationRecord>& records, const std::vector<OracleCurve>& oracle) {
  std::vector<SettingSummary> settings = summarise(records);
  add_oracle_gaps(settings, records, oracle);
  return settings.front().oracle_gap;
}

TEST(OracleCurve, IsLinearBetweenPointsAndHasNoValueBeyondThem) {
  EXPECT_DOUBLE_EQ(curve("a").psnr_at(10).value(), 30);
  EXPECT_DOUBLE_EQ(curve("a").psnr_at(14).value(), 34);
  EXPECT_DOUBLE_EQ(curve("a").psnr_at(25).value(), 44);
  EXPECT_FALSE(curve("a").psnr_at(9.9).has_value());
  EXPECT_FALSE(curve("a").psnr_at(25.1).has_value());
  EXPECT_FALSE(OracleCurve{}.psnr_at(10).has_value());
}

TEST(OracleCurve, IsReadBack) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "ditto-oracle.jsonl";
  std::filesystem::remove(path);
  EXPECT_TRUE(read_oracle(path).empty());
  OracleCurve wider = curve("a");
  wider.beam = 32;
  std::ofstream(path) << curve("a").to_json().dump() << "\n \r\n"
                      << curve("b").to_json().dump() << "\n"
                      << wider.to_json().dump() << "\n";
  const std::vector<OracleCurve> curves = read_oracle(path);
  ASSERT_EQ(curves.size(), 2U);
  EXPECT_EQ(curves[0].to_json(), curve("b").to_json());
  EXPECT_EQ(curves[1].to_json(), wider.to_json()) << "the latest of a prompt";
  std::filesystem::remove(path);
}

TEST(OracleCurve, OfOtherShapeIsRefused) {
  EXPECT_THROW(OracleCurve::parse(R"({"prompt": "a"})", "oracle.jsonl:1"), Error);
  OracleCurve descending = curve("a");
  std::swap(descending.points[0], descending.points[1]);
  EXPECT_THROW(OracleCurve::parse(descending.to_json().dump(), "oracle.jsonl:1"), Error);
  nlohmann::ordered_json empty = curve("a").to_json();
  empty["points"] = nlohmann::ordered_json::array();
  EXPECT_THROW(OracleCurve::parse(empty.dump(), "oracle.jsonl:1"), Error);
}

TEST(OracleCurve, SaysWhyItBelongsToOtherResults) {
  EXPECT_FALSE(mismatch(curve("a"), curve("b").request).has_value());
  EXPECT_FALSE(mismatch(curve("a"), {{"steps", "50"}}).has_value()) << "only what is named is compared";
  EXPECT_EQ(mismatch(curve("a"), {{"model", "abc"}, {"steps", "30"}}), "steps is 50 there and 30 here");
  EXPECT_EQ(mismatch(curve("a"), {{"solver", "euler"}}), "solver is not named there and euler here");
  OracleCurve nameless = curve("a");
  nameless.request.clear();
  EXPECT_EQ(mismatch(nameless, {{"steps", "50"}}), "it does not say what was searched");
}

TEST(OracleNote, SaysBesideEachCurveWhatDiffers) {
  const std::string alike = oracle_note(std::vector{curve("a"), curve("b")});
  EXPECT_NE(alike.find("(width 16, 1 rounds of moves, 10 to 25 computed steps of 50)"), std::string::npos) << alike;
  EXPECT_NE(alike.find("- b (seed 42)\n"), std::string::npos) << alike;
  OracleCurve wider = curve("b");
  wider.beam = 32;
  wider.points.pop_back();
  const std::string mixed = oracle_note(std::vector{curve("a"), wider});
  EXPECT_NE(mixed.find("- a (seed 42): width 16, 1 rounds of moves, 10 to 25 computed"), std::string::npos) << mixed;
  EXPECT_NE(mixed.find("- b (seed 42): width 32, 1 rounds of moves, 10 to 20 computed"), std::string::npos) << mixed;
}

TEST(OracleGap, IsTheMeanOverItsPromptsAtEqualComputedUnits) {
  // 15 of 50 steps: the oracle has 35; 20 of 50: 40.
  const std::vector<EvaluationRecord> records = {record("a", 300, 33), record("b", 400, 39), record("c", 300, 90)};
  EXPECT_DOUBLE_EQ(gap(records, {curve("a"), curve("b")}).value(), -1.5);
}

TEST(OracleGap, IsMissingWhereAClipIs) {
  EXPECT_FALSE(gap({record("a", 300, 33)}, {curve("a"), curve("b")}).has_value()) << "one prompt was not measured";
  EXPECT_FALSE(gap({record("a", 300, 33), record("b", 900, 50)}, {curve("a"), curve("b")}).has_value())
      << "45 steps were not searched";
  EXPECT_FALSE(gap({record("a", 300, 33)}, {}).has_value());
}

TEST(OracleGap, HasAColumnAndANoteThatNamesThePrompts) {
  const std::vector<EvaluationRecord> records = {record("a", 300, 33)};
  std::vector<SettingSummary> settings = summarise(records);
  EXPECT_EQ(markdown_table(settings).find("oracle"), std::string::npos);
  const std::vector<OracleCurve> oracle = {curve("a")};
  add_oracle_gaps(settings, records, oracle);
  const std::string table = markdown_table(settings);
  EXPECT_NE(table.find("| dB to the oracle |"), std::string::npos) << table;
  EXPECT_NE(table.find("| -2.0 |"), std::string::npos) << table;
  EXPECT_NE(oracle_note(oracle).find("- a (seed 42)\n"), std::string::npos);
  EXPECT_EQ(oracle_note({}), "");
}

TEST(ScoreName, SaysHowClipsWereTreated) {
  EXPECT_EQ(score_name("psnr", std::nullopt), "psnr");
  EXPECT_EQ(score_name("psnr", 25), "psnr@crf=25");
  EXPECT_EQ(metric_of("lpips-alex@crf=25"), "lpips-alex");
  EXPECT_EQ(metric_of("ssim"), "ssim");
}

}  // namespace
}  // namespace ditto
