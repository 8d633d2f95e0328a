// Reports from outside: the page and plots of one compared clip and of a scenario.

#include <gtest/gtest.h>

#include "end_to_end/scratch.h"

namespace ditto::test {
namespace {

using nlohmann::json;

Arguments with_report() {
  return {"-p",      "a <b>red</b> circle", "--size",    "64x64",    "--frames", "5",  "--steps", "4",
          "--cache", "interval:interval=2", "--compare", "--report", "report",   "-o", "clip.mp4"};
}

TEST(GenerateReport, IsAPageWithItsPlots) {
  const Scratch scratch;
  const Finished run = dit_gen(with_report() + Arguments{"--json"}, scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_EQ(run.events("done").at(0).at("report"), "report/report.html");
  EXPECT_GT(run.events("done").at(0).at("compare").at("psnr"), 0);
  const std::string page = read_file(scratch / "report/report.html");
  for (const char* part :
       {"a &lt;b&gt;red&lt;/b&gt; circle", "Decisions, conditional branch", "Decisions, unconditional branch",
        ", step 1: reused", "True error against full compute", "Where the time went", "Stored features after each step",
        "--report report", "data:image/png;base64,"}) {
    EXPECT_TRUE(contains(page, part));
  }
  EXPECT_FALSE(contains(page, "<b>red</b>"));
  for (const char* plot : {"decisions-conditional.svg", "true-error.svg", "frames-psnr.svg", "time.svg", "memory.svg",
                           "sheet-full.png", "sheet-difference.png", "worst-frame-cached.png"}) {
    EXPECT_TRUE(fs::exists(scratch / "report" / plot)) << plot;
  }
}

TEST(GenerateReport, DrawsTheThresholdThatAPolicyChose) {
  const Scratch scratch;
  const Finished run =
      dit_gen({"-p", "a red circle", "--size", "64x64", "--frames", "5", "--steps", "4", "--cache",
               "magcache:ratios=1/0.99/0.98/0.97", "--compare", "--report", "report", "-o", "clip.mp4"},
              scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_TRUE(contains(read_file(scratch / "report/report.html"), ">threshold 0."));
}

TEST(GenerateReport, LeavesTheClipAsItIs) {
  const Scratch scratch;
  const Finished plain = dit_gen(with_report() + Arguments{"--json"}, scratch.here());
  Arguments without = with_report();
  std::erase(without, "--report");
  std::erase(without, "report");
  const Finished bare = dit_gen(without + Arguments{"--json", "-y"}, scratch.here());
  EXPECT_EQ(frame_hash(plain), frame_hash(bare));
  EXPECT_FALSE(bare.events("done").at(0).contains("report"));
}

TEST(GenerateReport, NeedsAComparison) {
  const Scratch scratch;
  const Finished run =
      dit_gen(tiny() + Arguments{"--cache", "interval:interval=2", "--report", "report"}, scratch.here());
  EXPECT_EQ(run.exit_code, kUsage);
  EXPECT_TRUE(is_one_error_line(run.err));
  EXPECT_TRUE(contains(run.err, "--report: has no effect without --compare"));
  EXPECT_TRUE(scratch.names().empty());
}

TEST(GenerateReport, IsKeptUnlessItMayBeReplaced) {
  const Scratch scratch;
  write_file(scratch / "report/report.html", "mine");
  const Finished kept = dit_gen(with_report(), scratch.here());
  EXPECT_EQ(kept.exit_code, kOutputFailed);
  EXPECT_TRUE(is_one_error_line(kept.err));
  EXPECT_EQ(read_file(scratch / "report/report.html"), "mine");
  EXPECT_FALSE(fs::exists(scratch / "clip.mp4")) << "it is refused before the work";
  const Finished replaced = dit_gen(with_report() + Arguments{"-y", "-q"}, scratch.here());
  EXPECT_EQ(replaced.exit_code, kDone) << replaced.err;
  EXPECT_TRUE(contains(read_file(scratch / "report/report.html"), "True error"));
}

TEST(GenerateReport, OfSeveralJobsHasAFolderForEach) {
  const Scratch scratch;
  const Finished run = dit_gen(with_report() + Arguments{"-s", "1,2"}, scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_TRUE(fs::exists(scratch / "report/1/report.html"));
  EXPECT_TRUE(fs::exists(scratch / "report/2/report.html"));
}

class ScenarioReport : public testing::Test {
 protected:
  /// Two rows, one of them a rival, two prompts.
  static void write_scenario(const Scratch& scratch) {
    const json scenario = {{"name", "two rows & a rival"},
                           {"size", "64x64"},
                           {"frames", 5},
                           {"steps", 4},
                           {"metrics", {"psnr"}},
                           {"prompts", {"a red circle", "a <blue> ring"}},
                           {"rows",
                            {{{"name", "fewer steps"}, {"rival", true}, {"cache", "steps:compute=2"}},
                             {{"name", "interval"}, {"cache", "interval:interval={x}"}, {"x", {2, 3}}}}}};
    write_file(scratch / "scenario.json", scenario.dump());
  }
};

TEST_F(ScenarioReport, HasCurvesAndRunsStepByStep) {
  const Scratch scratch;
  write_scenario(scratch);
  const Finished run = dit_eval({"run", "scenario.json", "-o", "results", "--json"}, scratch.here());
  EXPECT_EQ(run.exit_code, kDone) << run.err;
  EXPECT_EQ(run.events().size(), 3U) << "one object a setting";
  const std::string page = read_file(scratch / "results/report.html");
  for (const char* part : {"two rows &amp; a rival", "PSNR, dB over speed-up", "fewer steps", "interval:interval=3",
                           "Time of one clip", ", step 1: reused", "step 1: jumped over",
                           "dit-eval run scenario.json -o results", "dit-gen -p &#39;a red circle&#39; -s 42"}) {
    EXPECT_TRUE(contains(page, part));
  }
  EXPECT_TRUE(fs::exists(scratch / "results/plots/speed-quality-psnr.svg"));
  EXPECT_TRUE(fs::exists(scratch / "results/report.md"));
  fs::remove_all(scratch / "results/plots");
  const Finished again = dit_eval({"report", "results", "--json"}, scratch.here());
  EXPECT_EQ(again.exit_code, kDone) << again.err;
  EXPECT_EQ(again.events().size(), 3U);
  EXPECT_EQ(read_file(scratch / "results/report.html"), page);
  EXPECT_TRUE(fs::exists(scratch / "results/plots/speed-quality-psnr.svg"));
}

TEST_F(ScenarioReport, ShowsTheRunsWhateverWasMeasuredFirst) {
  const Scratch scratch;
  write_scenario(scratch);
  ASSERT_EQ(dit_eval({"run", "scenario.json", "-o", "results"}, scratch.here()).exit_code, kDone);
  const fs::path file = scratch / "results/records.jsonl";
  std::string reversed;
  for (const std::string& line : lines_of(read_file(file))) reversed.insert(0, line + "\n");
  write_file(file, reversed);
  ASSERT_EQ(dit_eval({"report", "results"}, scratch.here()).exit_code, kDone);
  const std::string page = read_file(scratch / "results/report.html");
  EXPECT_TRUE(contains(page, "step 1: reused"));
  EXPECT_FALSE(contains(page, "No run was recorded step by step"));
}

TEST_F(ScenarioReport, SaysThatSettingsLackClips) {
  const Scratch scratch;
  write_scenario(scratch);
  const Finished whole = dit_eval({"run", "scenario.json", "-o", "results"}, scratch.here());
  ASSERT_EQ(whole.exit_code, kDone);
  EXPECT_TRUE(contains(whole.out, "\n2 clips a setting."));
  EXPECT_FALSE(contains(whole.err, "the settings have"));
  const fs::path file = scratch / "results/records.jsonl";
  std::vector<std::string> records = lines_of(read_file(file));
  records.pop_back();  // as if the run had been interrupted
  std::string text;
  for (const std::string& record : records) text += record + "\n";
  write_file(file, text);
  const Finished partial = dit_eval({"report", "results"}, scratch.here());
  EXPECT_EQ(partial.exit_code, kDone) << partial.err;
  EXPECT_TRUE(contains(partial.out, "\n1 to 2 clips a setting."));
  EXPECT_TRUE(contains(read_file(scratch / "results/report.html"), "Mean over 1 to 2 clips a setting"));
  EXPECT_TRUE(contains(partial.err, "dit-eval: warning: results: the settings have 1 to 2 clips"));
}

TEST_F(ScenarioReport, WithoutRecordedRunsSaysHowToGetThem) {
  const Scratch scratch;
  write_scenario(scratch);
  EXPECT_EQ(dit_eval({"run", "scenario.json", "-o", "results"}, scratch.here()).exit_code, kDone);
  fs::remove_all(scratch / "results/details");
  fs::remove_all(scratch / "results/plots");
  EXPECT_EQ(dit_eval({"report", "results"}, scratch.here()).exit_code, kDone);
  EXPECT_TRUE(contains(read_file(scratch / "results/report.html"), "No run was recorded step by step"));
  fs::remove_all(scratch / "results/plots");
  EXPECT_EQ(dit_eval({"run", "scenario.json", "-o", "results"}, scratch.here()).exit_code, kDone);
  EXPECT_TRUE(contains(read_file(scratch / "results/report.html"), "step 1: reused"));
  EXPECT_EQ(lines_of(read_file(scratch / "results/records.jsonl")).size(), 6U) << "nothing was measured again";
}

}  // namespace
}  // namespace ditto::test
