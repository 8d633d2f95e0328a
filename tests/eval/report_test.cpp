// The report: what it measures of a run, what it shows, and that it needs nothing but itself.

#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>
#include <unistd.h>

#include "core/error.h"
#include "eval/report/report_page.h"
#include "eval/report/run_figures.h"
#include "eval/report/speed_quality.h"
#include "eval/well_formed.h"
#include "tolerances.h"

namespace ditto::test {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNastyText = "a <script>\"x\" & 'y'</script>";

class ReportFolder : public testing::Test {
 protected:
  ReportFolder() : folder_(fs::path(testing::TempDir()) / ("ditto-report-" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~ReportFolder() override { fs::remove_all(folder_); }

  bool has(const std::string& name) const { return fs::exists(folder_ / name); }
  std::string text(const std::string& name) const {
    std::ifstream file(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  fs::path folder_;
};

/// Frames of one grey; frame `odd` is ten levels lighter.
at::Tensor clip(int frames, int odd, std::int64_t height = 16, std::int64_t width = 24) {
  at::Tensor clip = at::full({frames, height, width, 3}, 100, at::kByte);
  if (odd >= 0) clip[odd].fill_(110);
  return clip;
}

TraceEvent event(int step, Action action, const std::string& reason, std::optional<double> score) {
  TraceEvent event;
  event.step = step;
  event.site = "blocks.0-1";
  event.action = action;
  event.reason = reason;
  event.score = score;
  if (action == Action::kBlend) event.weights = {1};
  return event;
}

ReportContents contents_of(const std::string& title, const std::string& command) {
  ReportContents contents;
  contents.title = title;
  contents.machine = "a machine";
  contents.command = command;
  return contents;
}

RunDetail run_detail() {
  RunDetail run;
  run.row = "policy & co";
  run.cache = "policy:threshold=0.1";
  run.prompt = kNastyText;
  run.goal = 2;
  run.seed = 18446744073709551615U;
  run.command = std::string("dit-gen -p '") + kNastyText + "'";
  run.trace.run.steps = 3;
  run.trace.run.grid.nodes = {0, 1, 2};
  run.trace.run.branches = {Branch::kConditional, Branch::kUnconditional};
  run.trace.run.sites = {{"blocks.0-1", Scope::kUnits, 0, 2}};
  run.trace.events = {event(0, Action::kRecompute, "first", {}), event(1, Action::kBlend, "a < b", 0.05),
                      event(2, Action::kRecompute, "drift", 0.2)};
  run.trace.result = TraceResult{"ab", 5, 6};
  run.thresholds = {{"threshold", 0.1}};
  run.errors = {{0, 0, 0}, {1, 0, 0.01}, {2, 0.02, 0.03}};
  run.memory = {{0, 1 << 20}, {1, 1 << 20}, {2, 1 << 21}};
  run.final_error = 0.04;
  run.seconds = 0.5;
  run.full_seconds = 1;
  run.time = {.text = 0.1, .units = 0.2, .blends = 0.05, .deciding = 0.05, .rest = 0.2, .decode = 0.3, .encode = 0.1};
  run.full_time = {.text = 0.1, .units = 0.8, .rest = 0.2, .decode = 0.3};
  compare_frames(run, clip(17, -1), clip(17, 5));
  return run;
}

SettingSummary setting(const std::string& row, double speedup, double psnr) {
  SettingSummary setting;
  setting.row = row;
  setting.cache = row + ":x";
  setting.clips = 3;
  setting.seconds = 1 / speedup;
  setting.speedup = speedup;
  setting.computed = 0.5;
  setting.scores = {{"psnr", {psnr, 0.5, psnr - 5}}, {"lpips-alex", {1 / psnr, 0.001, 0.2}}};
  return setting;
}

std::vector<SettingSummary> settings() {
  return {setting("even", 1.5, 40), setting("even", 2, 35), setting("best", 1.5, 38), setting("best", 2, 33),
          setting("worse", 1.4, 30)};
}

TEST(CompareFrames, ScoresEveryFrameAndPicksTheWorst) {
  const RunDetail run = run_detail();
  const std::vector<double>& psnr = run.frame_scores.at("psnr");
  ASSERT_EQ(psnr.size(), 17U);
  EXPECT_EQ(psnr[0], 100);
  EXPECT_NEAR(psnr[5], 20 * std::log10(255.0 / 10), tolerance::kMetric);
  EXPECT_EQ(run.frame_scores.at("ssim").size(), 17U);
  EXPECT_EQ(run.shown_frames, (std::vector<int>{0, 3, 6, 10, 13, 16, 5})) << "evenly chosen, then the worst";
  EXPECT_EQ(run.pictures.size(0), 7);
  EXPECT_EQ(run.pictures[6][0][0][0].item<int>(), 110);
  EXPECT_EQ(run.full_pictures[6][0][0][0].item<int>(), 100);
}

TEST(CompareFrames, SaysWhyAMetricIsMissingAndShrinksLargePictures) {
  RunDetail run;
  compare_frames(run, clip(1, -1, 8, 400), clip(1, 0, 8, 400));
  EXPECT_TRUE(run.unavailable.contains("ssim")) << "no side under 11 pixels";
  EXPECT_FALSE(run.frame_scores.contains("ssim"));
  EXPECT_EQ(run.shown_frames, (std::vector<int>{0, 0}));
  EXPECT_EQ(run.pictures.sizes(), (std::vector<std::int64_t>{2, 3, 192, 3}));
  EXPECT_EQ(run.pictures.min().item<int>(), 110);
}

TEST(Trajectory, MeasuresErrorsAtTheNodesBothVisited) {
  const auto latent = [](double value) { return at::full({1, 2, 1, 2, 2}, value); };
  Trajectory full, cached;
  for (const int node : {0, 1, 2, 3}) full.add(node, latent(4), latent(2));
  cached.add(0, latent(4), latent(2));
  cached.add(2, latent(5), latent(1));
  const std::vector<StepError> errors = full.errors_of(cached);
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0].latent, 0);
  EXPECT_EQ(errors[1].node, 2);
  EXPECT_DOUBLE_EQ(errors[1].latent, 0.25);
  EXPECT_DOUBLE_EQ(errors[1].prediction, 0.5);
}

TEST(Pictures, StandInARowAndDifferencesSaturate) {
  const at::Tensor row = picture_row(clip(3, -1, 4, 5));
  EXPECT_EQ(row.sizes(), (std::vector<std::int64_t>{4, 3 * 5 + 2 * 2, 3}));
  const at::Tensor difference = picture_difference(clip(1, -1), clip(1, 0), 8);
  EXPECT_EQ(difference.min().item<int>(), 80);
  EXPECT_EQ(picture_difference(clip(1, -1), clip(1, 0), 80).max().item<int>(), 255);
}

TEST(SpeedQuality, DrawsTheRivalsApart) {
  const std::vector<SpeedQuality> curves = speed_quality(settings(), {"even"});
  ASSERT_EQ(curves.size(), 2U);
  EXPECT_EQ(curves[1].metric, "psnr");
  const std::string& overview = curves[1].overview.element;
  EXPECT_TRUE(is_well_formed(overview));
  EXPECT_EQ(count_of(overview, ">even</text>"), 1U);
  EXPECT_GT(count_of(overview, "rival0"), 0U);
  EXPECT_EQ(count_of(overview, ">best</text>"), 1U) << "no other cache is better at its speed";
  EXPECT_EQ(count_of(overview, ">worse</text>"), 0U);
  EXPECT_EQ(count_of(overview, ">other caches</text>"), 1U);
  ASSERT_EQ(curves[1].panels.size(), 2U) << "one for each row that is no rival";
  EXPECT_EQ(curves[1].panels[0].name, "speed-quality-psnr-best");
  EXPECT_GT(count_of(curves[1].panels[0].element, "rival0"), 0U) << "the rivals stand beside it";
}

TEST(SpeedQuality, ARowHasOneColourInAllPlots) {
  std::vector<SettingSummary> rows = {setting("good", 2, 40), setting("fast", 3, 30)};
  rows[1].scores["lpips-alex"].mean = 0.01;  // by LPIPS the first row does not stand out
  const std::vector<SpeedQuality> curves = speed_quality(rows, {});
  ASSERT_EQ(curves.size(), 2U);
  const auto style_of = [&](const SpeedQuality& plot, const std::string& row) {
    const std::string& element = plot.overview.element;
    return element.substr(element.rfind("class=", element.find(row + ", ")), 15);
  };
  EXPECT_EQ(style_of(curves[0], "fast"), style_of(curves[1], "fast"));
  EXPECT_NE(style_of(curves[1], "good"), style_of(curves[1], "fast"));
}

TEST_F(ReportFolder, DetailsAreReadBack) {
  const RunDetail run = run_detail();
  run.save(folder_ / "detail");
  const RunDetail read = RunDetail::load(folder_ / "detail");
  EXPECT_EQ(read.prompt, kNastyText);
  EXPECT_EQ(read.seed, run.seed);
  EXPECT_EQ(read.trace.to_json_lines(), run.trace.to_json_lines());
  EXPECT_EQ(read.time.parts(), run.time.parts());
  EXPECT_EQ(read.frame_scores, run.frame_scores);
  EXPECT_EQ(read.unavailable, run.unavailable);
  EXPECT_EQ(read.shown_frames, run.shown_frames);
  EXPECT_TRUE(read.pictures.equal(run.pictures));
  EXPECT_EQ(read.errors.at(2).prediction, 0.03);
  EXPECT_EQ(read.final_error, run.final_error);
  EXPECT_EQ(read.memory.at(2).cache_bytes, 1 << 21);
  EXPECT_EQ(read.thresholds.at(0).value, 0.1);
  EXPECT_THROW(RunDetail::load(folder_ / "missing"), Error);
}

TEST_F(ReportFolder, OneRunHasEverySection) {
  ReportContents contents = contents_of(kNastyText, run_detail().command);
  contents.runs = {run_detail()};
  const std::string page = render_report(contents, folder_);
  EXPECT_TRUE(is_well_formed(page));
  for (const char* part :
       {"Speed and quality", "Decisions, conditional branch", "Decisions, unconditional branch",
        "Indicator, conditional branch", "threshold 0.1", "True error against full compute", "PSNR, dB of every frame",
        "SSIM of every frame", "Worst frame by PSNR: 5", "Where the time went", "Stored features after each step",
        "Contact sheets", "difference × 8", "blocks.0-1, step 1: reused", "step 2, blocks.0-1: 0.2, drift"}) {
    EXPECT_GT(count_of(page, part), 0U) << part;
  }
  for (const std::string& name : time_part_names()) EXPECT_GT(count_of(page, ">" + name + "</text>"), 0U) << name;
  EXPECT_EQ(count_of(page, "<pre>"), 1U) << "the command that makes it again";
}

TEST_F(ReportFolder, NeedsNothingFromElsewhereAndEscapesText) {
  ReportContents contents = contents_of(kNastyText, kNastyText);
  contents.settings = settings();
  contents.runs = {run_detail(), run_detail()};
  const std::string page = render_report(contents, folder_);
  EXPECT_TRUE(is_well_formed(page));
  EXPECT_EQ(count_of(page, "<script"), 0U);
  EXPECT_GT(count_of(page, "&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;"), 3U);
  for (const char* outside : {"http:", "https:", "@import", "url(", "<link"}) EXPECT_EQ(count_of(page, outside), 0U);
  EXPECT_EQ(count_of(page, " src=\""), count_of(page, " src=\"data:image/png;base64,"));
  EXPECT_EQ(count_of(page, " href=\""), count_of(page, " href=\"#"));
}

TEST_F(ReportFolder, SettingsHaveCurvesATableAndTheTimeOfEveryRun) {
  ReportContents contents = contents_of("settings", "dit-eval run s.json -o results");
  contents.settings = settings();
  contents.rivals = {"even"};
  contents.runs = {run_detail(), run_detail()};
  const std::string page = render_report(contents, folder_);
  for (const char* part : {"PSNR, dB over speed-up", "LPIPS (alex) over speed-up", "Time of one clip",
                           "Table of all settings", "dit-eval run s.json -o results", "Mean over 3 clips a setting"}) {
    EXPECT_GT(count_of(page, part), 0U) << part;
  }
  EXPECT_EQ(count_of(page, "<tr class=\"rival\">"), 2U);
  for (const char* plot :
       {"speed-quality-psnr.svg", "speed-quality-psnr-best.svg", "time-of-all-runs-1.svg",
        "policy-co-decisions-conditional.svg", "policy-co-decisions-conditional-2.svg", "policy-co-true-error.svg",
        "policy-co-sheet-full.png", "policy-co-worst-frame-cached.png"}) {
    EXPECT_TRUE(has(plot)) << plot;
  }
  const std::string plot = text("speed-quality-psnr.svg");
  EXPECT_TRUE(plot.starts_with("<svg xmlns=")) << "a file of its own";
  EXPECT_TRUE(is_well_formed(plot));
  EXPECT_GT(count_of(plot, "<style>"), 0U);
}

TEST_F(ReportFolder, TheTableShowsWhatWasMeasuredAndTheSettingLast) {
  ReportContents contents = contents_of("settings", "again");
  contents.settings = settings();
  const std::string bare = render_report(contents, folder_);
  EXPECT_EQ(count_of(bare, "dB to the oracle"), 0U);
  EXPECT_EQ(count_of(bare, "captions right"), 0U);
  contents.settings[0].cache_bytes = -1;
  contents.settings[0].oracle_gap = -1.25;
  contents.settings[0].caption_accuracy = 0.75;
  contents.settings[1].cache_bytes = 0x1p21;
  const std::string page = render_report(contents, folder_);
  EXPECT_TRUE(is_well_formed(page));
  EXPECT_EQ(count_of(page, "<th>dB to the oracle</th><th>captions right</th><th>cache MiB</th><th class=\"setting\">"),
            1U);
  EXPECT_EQ(count_of(page, "<td>-1.2</td><td>0.75</td><td></td><td class=\"setting\"><code>even:x</code></td></tr>"),
            1U);
  EXPECT_EQ(count_of(page, "<td></td><td></td><td>2.0</td><td class=\"setting\"><code>even:x</code></td></tr>"), 1U);
  EXPECT_EQ(count_of(page, "-0.0"), 0U);
}

TEST_F(ReportFolder, SaysWhereSettingsHaveFewerClips) {
  ReportContents contents = contents_of("settings", "again");
  contents.settings = settings();
  contents.settings.back().clips = 2;
  EXPECT_EQ(count_of(render_report(contents, folder_), "Mean over 2 to 3 clips a setting"), 1U);
}

TEST_F(ReportFolder, SettingsWithoutRunsSayHowToGetThem) {
  ReportContents contents = contents_of("settings", "again");
  contents.settings = settings();
  contents.without_runs = "run it again";
  const std::string page = render_report(contents, folder_);
  EXPECT_TRUE(is_well_formed(page));
  EXPECT_EQ(count_of(page, "run it again"), 1U);
}

}  // namespace
}  // namespace ditto::test
