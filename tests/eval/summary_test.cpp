#include "eval/summary.h"

#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "eval/report/table.h"

namespace ditto {
namespace {

EvaluationRecord record(const std::string& cache, double seconds, double psnr, bool right,
                        const std::string& prompt = "a prompt") {
  EvaluationRecord record;
  record.row = "policy";
  record.cache = cache;
  record.goal = 2;
  record.prompt = prompt;
  record.seed = 18446744073709551615U;
  record.seconds = seconds;
  record.full_seconds = 1;
  record.units_computed = 40;
  record.units_total = 100;
  record.branch_steps_computed = 4;
  record.branch_steps_total = 10;
  record.cache_bytes = 1 << 20;
  record.scores = {{"psnr", psnr}};
  record.worst = {{"psnr", psnr - 1}};
  record.caption_right = right;
  record.frame_hash = "ab";
  return record;
}

TEST(Summarise, FoldsSettingsInTheirOrder) {
  const std::vector<EvaluationRecord> records = {record("b", 0.5, 30, true), record("a", 0.25, 20, true),
                                                 record("b", 0.4, 34, false, "another")};
  const std::vector<SettingSummary> summaries = summarise(records);
  ASSERT_EQ(summaries.size(), 2U);
  EXPECT_EQ(summaries[0].cache, "b");
  EXPECT_EQ(summaries[0].clips, 2);
  EXPECT_DOUBLE_EQ(summaries[0].seconds, 0.45);
  EXPECT_DOUBLE_EQ(summaries[0].speedup, 2.25);
  EXPECT_DOUBLE_EQ(summaries[0].computed, 0.4);
  EXPECT_DOUBLE_EQ(summaries[0].scores.at("psnr").mean, 32);
  EXPECT_DOUBLE_EQ(summaries[0].scores.at("psnr").standard_error.value(), 2);
  EXPECT_DOUBLE_EQ(summaries[0].scores.at("psnr").worst, 30);
  EXPECT_DOUBLE_EQ(summaries[0].caption_accuracy.value(), 0.5);
  EXPECT_DOUBLE_EQ(summaries[1].speedup, 4);
}

TEST(Summarise, TheWorstClipOfADistanceIsTheLargestThroughACodecToo) {
  std::vector<EvaluationRecord> records = {record("a", 0.5, 30, true), record("a", 0.5, 31, true)};
  records[0].scores["lpips-alex@crf=25"] = 0.1;
  records[1].scores["lpips-alex@crf=25"] = 0.3;
  EXPECT_DOUBLE_EQ(summarise(records).front().scores.at("lpips-alex@crf=25").worst, 0.3);
}

TEST(Summarise, TheStandardErrorIsOneOverPrompts) {
  std::vector<EvaluationRecord> records = {record("a", 0.5, 39, true), record("a", 0.5, 41, true)};
  EXPECT_FALSE(summarise(records).front().scores.at("psnr").standard_error.has_value()) << "there is one prompt";
  for (const double psnr : {49, 50, 51}) records.push_back(record("a", 0.5, psnr, true, "another"));
  const ScoreSummary score = summarise(records).front().scores.at("psnr");
  EXPECT_DOUBLE_EQ(score.mean, 46);
  EXPECT_DOUBLE_EQ(score.standard_error.value(), 5) << "of the means 40 and 50";
}

TEST(Summarise, ScoresOfSomeClipsAreTakenOut) {
  std::vector<EvaluationRecord> records = {record("a", 0.5, 30, true), record("a", 0.5, 31, true),
                                           record("b", 0.5, 31, true)};
  records[0].scores["psnr@crf=25"] = 29;
  records[2].scores["psnr@crf=25"] = 29;
  std::vector<SettingSummary> settings = summarise(records);
  EXPECT_EQ(drop_partial_scores(settings), std::vector<std::string>{"psnr@crf=25"});
  EXPECT_FALSE(settings[0].scores.contains("psnr@crf=25"));
  EXPECT_TRUE(settings[1].scores.contains("psnr@crf=25"));
  EXPECT_TRUE(settings[0].scores.contains("psnr"));
  EXPECT_TRUE(drop_partial_scores(settings).empty());
}

TEST(Summarise, SaysOverHowManyClips) {
  std::vector<EvaluationRecord> records = {record("a", 0.5, 30, true), record("b", 0.5, 31, true)};
  EXPECT_EQ(clip_counts(summarise(records)), "1");
  records.push_back(record("a", 0.5, 32, true));
  EXPECT_EQ(clip_counts(summarise(records)), "1 to 2");
}

TEST(MarkdownTable, LeavesOutMemoryThatWasNotMeasured) {
  EvaluationRecord unmeasured = record("a", 0.5, 30, true);
  unmeasured.cache_bytes = -1;
  const std::string table = markdown_table(summarise(std::vector{unmeasured}));
  EXPECT_TRUE(table.ends_with("| 1.00 |  |\n")) << table;
}

TEST(MarkdownTable, ABarInANameEndsNoCell) {
  EvaluationRecord barred = record("a|b", 0.5, 30, true);
  barred.row = "one|two\nthree";
  const std::string table = markdown_table(summarise(std::vector{barred}));
  EXPECT_NE(table.find("\n| one\\|two three | 2x | `a\\|b` | 2.00x |"), std::string::npos) << table;
}

TEST(MarkdownTable, HasTheErrorOfSeveralPrompts) {
  const std::vector<EvaluationRecord> records = {record("a", 0.5, 30, true), record("a", 0.5, 34, true, "another")};
  EXPECT_NE(markdown_table(summarise(records)).find("| 32.0 ± 2.0 (30.0) |"), std::string::npos);
}

TEST(MetricConventions, AreThoseOfTheScores) {
  const std::string text = metric_conventions({"ssim-skimage", "ssim-skimage@crf=25"});
  EXPECT_TRUE(text.starts_with("ssim-skimage: ")) << text;
  EXPECT_EQ(text.find("psnr"), std::string::npos) << text;
  EXPECT_TRUE(metric_conventions({}).empty());
}

TEST(MarkdownTable, HasALineForEverySetting) {
  const std::vector<EvaluationRecord> records = {record("b", 0.5, 30, true), record("a", 0.25, 20, true)};
  EXPECT_EQ(
      markdown_table(summarise(records)),
      "| row | goal | setting | speed-up | seconds | units | psnr, dB (worst clip) | captions right | cache MiB |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
      "| policy | 2x | `b` | 2.00x | 0.500 | 40 % | 30.0 (30.0) | 1.00 | 1.0 |\n"
      "| policy | 2x | `a` | 4.00x | 0.250 | 40 % | 20.0 (20.0) | 1.00 | 1.0 |\n");
}

TEST(Records, AreReadBackWithoutBlankAndTornLines) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "ditto-records.jsonl";
  std::filesystem::remove(path);
  EXPECT_TRUE(read_records(path).empty());
  append_record(path, record("a", 0.25, 20, true));
  std::ofstream(path, std::ios::app) << "\n";
  append_record(path, record("b", 0.5, 30, false));
  std::ofstream(path, std::ios::app) << R"({"row": "pol)";
  const std::vector<EvaluationRecord> records = read_records(path);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].to_json(), record("b", 0.5, 30, false).to_json());
  std::filesystem::remove(path);
}

TEST(Records, ALaterOneOfAClipReplacesTheEarlier) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "ditto-replaced-records.jsonl";
  std::filesystem::remove(path);
  append_record(path, record("a", 0.25, 20, true));
  append_record(path, record("b", 0.5, 30, false));
  append_record(path, record("a", 0.25, 25, true));
  const std::vector<EvaluationRecord> records = read_records(path);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_DOUBLE_EQ(records[0].scores.at("psnr"), 25);
  std::filesystem::remove(path);
}

TEST(Records, OfOtherShapeAreRefused) {
  EXPECT_THROW(EvaluationRecord::parse(R"({"row": 1})", "records.jsonl:1"), Error);
  nlohmann::ordered_json json = record("a", 0.25, 20, true).to_json();
  json["sedd"] = 1;
  EXPECT_THROW(EvaluationRecord::parse(json.dump(), "records.jsonl:1"), Error);
  json.erase("sedd");
  for (const nlohmann::json& seed : {nlohmann::json("x"), nlohmann::json(-1), nlohmann::json(0.5)}) {
    json["seed"] = seed;
    EXPECT_THROW(EvaluationRecord::parse(json.dump(), "records.jsonl:1"), Error) << seed;
  }
  json["seed"] = 0;
  EXPECT_EQ(EvaluationRecord::parse(json.dump(), "records.jsonl:1").seed, 0U);
  for (const auto& [key, value] : std::map<std::string, double>{{"seconds", 0},
                                                                {"full_seconds", -1},
                                                                {"units_total", 0},
                                                                {"units_computed", 101},
                                                                {"branch_steps_computed", -1}}) {
    nlohmann::ordered_json impossible = json;
    impossible[key] = key.ends_with("seconds") ? nlohmann::json(value) : nlohmann::json(static_cast<int>(value));
    EXPECT_THROW(EvaluationRecord::parse(impossible.dump(), "records.jsonl:1"), Error) << key;
  }
  json["scores"] = 5;
  EXPECT_THROW(EvaluationRecord::parse(json.dump(), "records.jsonl:1"), Error);
}

}  // namespace
}  // namespace ditto
