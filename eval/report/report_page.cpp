#include "eval/report/report_page.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>

#include <fmt/format.h>

#include "eval/report/markup.h"
#include "eval/report/page_style.h"
#include "eval/report/run_figures.h"
#include "eval/report/speed_quality.h"
#include "eval/report/svg_canvas.h"
#include "eval/report/svg_stacked_bars.h"
#include "eval/report/table.h"
#include "io/atomic_file.h"
#include "io/image.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

constexpr double kDifferenceGain = 8;
constexpr std::ptrdiff_t kBarsSideBySide = 13;

std::string escaped(std::string_view text) { return escape_markup(text); }

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// A page that grows from top to bottom, and the folder its plots go to.
class Page {
 public:
  explicit Page(fs::path plots) : plots_(std::move(plots)) {}

  void add(std::string_view html) { html_ += html; }

  void heading(int level, std::string_view id, std::string_view text) {
    if (id.empty()) {
      add(fmt::format("<h{0}>{1}</h{0}>\n", level, escaped(text)));
    } else {
      add(fmt::format("<h{0} id=\"{2}\">{1}</h{0}>\n", level, escaped(text), id));
    }
  }
  void paragraph(std::string_view text, std::string_view style = "") {
    add(fmt::format("<p class=\"{}\">{}</p>\n", style, escaped(text)));
  }
  void command(const std::string& text) { add(fmt::format("<pre>{}</pre>\n", escaped(text))); }

  void charts(const std::vector<Figure>& figures, const std::string& prefix) {
    add("<div class=\"charts\">\n");
    for (const Figure& figure : figures) {
      const std::string name = free_name(prefix + figure.name) + ".svg";
      write_text_file(plots_ / name, svg_file(figure.element));
      add(fmt::format("<figure>{}</figure>\n", figure.element));
    }
    add("</div>\n");
  }

  void picture(const std::string& name, const at::Tensor& image, const std::string& words) {
    const fs::path path = plots_ / (free_name(name) + ".png");
    write_image(path, image);
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    add(fmt::format("<img src=\"data:image/png;base64,{}\" width=\"{}\" height=\"{}\" alt=\"{}\">", base64(bytes),
                    image.size(1), image.size(0), escaped(words)));
  }

  std::string finish(const std::string& title) const {
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>\n{}{}</style>\n"
        "</head>\n<body>\n{}</body>\n</html>\n",
        escaped(title), page_style(), chart_style(), html_);
  }

 private:
  std::string free_name(const std::string& name) {
    std::string free = name;
    for (int k = 2; !names_.insert(free).second; ++k) free = fmt::format("{}-{}", name, k);
    return free;
  }

  fs::path plots_;
  std::string html_;
  std::set<std::string> names_;
};

/// What the table of all settings shows beside speed and units.
struct Columns {
  std::vector<std::string> metrics;
  bool oracle = false, captions = false;
};

void add_row(Page& page, const Columns& columns, const SettingSummary& setting, bool rival) {
  const auto cell = [&](const std::string& text) { page.add(fmt::format("<td>{}</td>", text)); };
  page.add(fmt::format("<tr{}><td>{}</td><td>{:.2f}x</td><td>{:.3f}</td><td>{:.0f} %</td>",
                       rival ? " class=\"rival\"" : "", escaped(setting.row), setting.speedup, setting.seconds,
                       100 * setting.computed));
  for (const std::string& metric : columns.metrics) {
    const auto score = setting.scores.find(metric);
    if (score == setting.scores.end()) {
      page.add("<td></td><td></td>");
      continue;
    }
    const std::optional<double> error = score->second.standard_error;
    page.add(fmt::format("<td>{}{}</td><td>{}</td>", metric_text(metric, score->second.mean),
                         error ? fmt::format(" ± {:.2g}", *error) : "", metric_text(metric, score->second.worst)));
  }
  if (columns.oracle) cell(setting.oracle_gap ? fmt::format("{:+.1f}", *setting.oracle_gap) : "");
  if (columns.captions) cell(setting.caption_accuracy ? fmt::format("{:.2f}", *setting.caption_accuracy) : "");
  cell(setting.cache_bytes < 0 ? "" : fmt::format("{:.1f}", setting.cache_bytes / 0x1p20));
  page.add(fmt::format("<td class=\"setting\"><code>{}</code></td></tr>\n", escaped(setting.cache)));
}

void add_table(Page& page, const ReportContents& contents, const std::vector<SpeedQuality>& curves) {
  Columns columns;
  for (const SpeedQuality& curve : curves) columns.metrics.push_back(curve.metric);
  for (const SettingSummary& setting : contents.settings) {
    columns.oracle = columns.oracle || setting.oracle_gap;
    columns.captions = columns.captions || setting.caption_accuracy;
  }
  page.add(
      "<details><summary>Table of all settings</summary><div class=\"scroll\"><table>\n<tr><th>row</th>"
      "<th>speed-up</th><th>seconds</th><th>units</th>");
  for (const std::string& metric : columns.metrics) {
    page.add(fmt::format("<th>{}</th><th>worst clip</th>", escaped(metric_title(metric))));
  }
  if (columns.oracle) page.add("<th>dB to the oracle</th>");
  if (columns.captions) page.add("<th>captions right</th>");
  page.add("<th>cache MiB</th><th class=\"setting\">setting</th></tr>\n");
  for (const bool rival : {true, false}) {
    for (const SettingSummary& setting : contents.settings) {
      if (contents.rivals.contains(setting.row) == rival) add_row(page, columns, setting, rival);
    }
  }
  page.add("</table></div></details>\n");
}

void add_facts(Page& page, const RunDetail& run) {
  const auto fact = [&](std::string_view name, const std::string& value) {
    page.add(fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escaped(name), escaped(value)));
  };
  std::int64_t peak = 0;
  for (const StepMemory& step : run.memory) peak = std::max(peak, step.cache_bytes);
  page.add("<dl class=\"facts\">");
  fact("denoising", fmt::format("{:.2f}x faster", run.speedup()));
  fact("full → cached", fmt::format("{:.3g} s → {:.3g} s", run.full_seconds, run.seconds));
  if (run.trace.result && run.trace.result->total > 0) {
    fact("units computed", fmt::format("{:.0f} %", 100.0 * static_cast<double>(run.trace.result->computed) /
                                                       static_cast<double>(run.trace.result->total)));
  }
  for (const std::string& metric : frame_metrics()) {
    const auto scores = run.frame_scores.find(metric);
    if (scores != run.frame_scores.end()) fact(metric_title(metric), metric_text(metric, mean_of(scores->second)));
  }
  fact("true error, final latent", fmt::format("{:.2g}", run.final_error));
  fact("stored features", fmt::format("{:.2f} MiB", std::ldexp(static_cast<double>(peak), -20)));
  page.add("</dl>\n");
  for (const auto& [metric, why] : run.unavailable) page.paragraph(fmt::format("{}: {}", metric, why), "faint");
}

void add_speed_quality(Page& page, const ReportContents& contents) {
  page.heading(2, "speed-quality", "Speed and quality");
  if (contents.settings.empty()) {
    if (contents.runs.size() == 1) add_facts(page, contents.runs.front());
    page.paragraph(
        "One run gives a point, not a curve. dit-eval run measures curves over several "
        "settings and prompts, with the rivals of every cache beside them.");
    return;
  }
  const std::vector<SpeedQuality> curves = speed_quality(contents.settings, contents.rivals);
  page.paragraph(fmt::format(
      "Mean over {} clips a setting; error bars are one standard error over prompts. Black squares and grey "
      "triangles are the rivals of every cache: fewer solver steps. In colour: caches that have a "
      "setting no other cache beats at its speed.",
      clip_counts(contents.settings)));
  std::vector<Figure> overviews;
  for (const SpeedQuality& curve : curves) overviews.push_back(curve.overview);
  page.charts(overviews, "");
  for (const SpeedQuality& curve : curves) {
    page.add(fmt::format("<details{}><summary>Every row beside the rivals: {}</summary>\n",
                         &curve == curves.data() ? " open" : "", escaped(metric_title(curve.metric))));
    page.charts(curve.panels, "");
    page.add("</details>\n");
  }
  add_table(page, contents, curves);
  page.command(contents.command);
}

/// The row's name, with its goal where runs of several goals are shown; a report of one clip has no rows.
std::string label_of(const RunDetail& run, const ReportContents& contents) {
  if (run.row.empty()) return run.cache;
  const auto other_goal = [&](const RunDetail& other) { return other.goal != run.goal; };
  return std::ranges::any_of(contents.runs, other_goal) ? fmt::format("{} {:g}x", run.row, run.goal) : run.row;
}

StackedBar relative_bar(const std::string& label, const RunDetail& run, const TimeBreakdown& time) {
  const double full = sum_of({"", run.full_time.parts()});
  StackedBar bar{label, time.parts()};
  for (double& part : bar.parts) part /= full;
  return bar;
}

void add_time(Page& page, const ReportContents& contents) {
  if (contents.runs.size() < 2) return;
  page.heading(2, "time", "Where the time went");
  page.paragraph("Each bar against full compute of the same clip, run beside it.");
  std::vector<StackedBar> bars = {relative_bar("full compute", contents.runs.front(), contents.runs.front().full_time)};
  for (const RunDetail& run : contents.runs) bars.push_back(relative_bar(label_of(run, contents), run, run.time));
  double longest = 0;
  for (const StackedBar& bar : bars) longest = std::max(longest, sum_of(bar));
  std::vector<Figure> figures;
  for (auto begin = bars.begin(); begin != bars.end();) {
    const auto end = begin + std::min<std::ptrdiff_t>(kBarsSideBySide, bars.end() - begin);
    const StackedBars chart{.title = "Time of one clip",
                            .unit = "of full compute",
                            .parts = time_part_names(),
                            .bars = {begin, end},
                            .longest = longest};
    figures.push_back({fmt::format("time-of-all-runs-{}", figures.size() + 1), draw(chart)});
    begin = end;
  }
  page.charts(figures, "");
}

void add_worst_frame(Page& page, const RunDetail& run, const std::string& prefix) {
  const std::int64_t last = run.pictures.size(0) - 1;
  const at::Tensor full = run.full_pictures[last], cached = run.pictures[last];
  const auto frame = static_cast<std::size_t>(run.shown_frames.back());
  page.paragraph(
      fmt::format("Worst frame by PSNR: {} ({})", frame, metric_text("psnr", run.frame_scores.at("psnr").at(frame))),
      "faint");
  page.add("<div class=\"worst\">");
  const auto thumbnail = [&](const std::string& name, const at::Tensor& image, const std::string& words) {
    page.add("<figure>");
    page.picture(fmt::format("{}worst-frame-{}", prefix, name), image, fmt::format("worst frame, {}", words));
    page.add(fmt::format("<figcaption>{}</figcaption></figure>", words));
  };
  thumbnail("full", full, "full compute");
  thumbnail("cached", cached, "cached");
  thumbnail("difference", picture_difference(full, cached, kDifferenceGain), "difference × 8");
  page.add("</div>\n");
}

void add_sheets(Page& page, const RunDetail& run, const std::string& prefix) {
  const std::int64_t even = run.pictures.size(0) - 1;
  const at::Tensor full = run.full_pictures.narrow(0, 0, even), cached = run.pictures.narrow(0, 0, even);
  page.add("<div class=\"pictures\">");
  const auto row = [&](const std::string& name, const at::Tensor& pictures, const std::string& words) {
    page.add(fmt::format("<p>{}</p>", words));
    page.picture(fmt::format("{}sheet-{}", prefix, name), picture_row(pictures), words);
  };
  row("full", full, "full compute");
  row("cached", cached, "cached");
  row("difference", picture_difference(full, cached, kDifferenceGain), "difference × 8");
  page.add("<div class=\"numbers\">");
  for (std::int64_t k = 0; k < even; ++k) {
    page.add(fmt::format("<span>{}{}</span>", k == 0 ? "frame " : "", run.shown_frames[static_cast<std::size_t>(k)]));
  }
  page.add("</div></div>\n");
}

void add_run(Page& page, const RunDetail& run, const std::string& prefix, bool with_facts) {
  const RunFigures figures = figures_of(run);
  page.add(
      fmt::format("<p><b>Prompt</b> {} <span class=\"faint\">(seed {})</span><br><b>Cache</b> <code>{}</code></p>\n",
                  escaped(run.prompt), run.seed, escaped(run.cache)));
  if (with_facts) add_facts(page, run);
  page.heading(3, "", "Decisions: step × site");
  page.charts(figures.decisions, prefix);
  page.heading(3, "", "Indicator and true error");
  if (figures.errors.size() == 1) page.paragraph("The policy reports no score.", "faint");
  page.charts(figures.errors, prefix);
  page.heading(3, "", "Frames");
  page.charts(figures.frames, prefix);
  add_worst_frame(page, run, prefix);
  page.heading(3, "", "Time and memory");
  std::vector<Figure> costs = figures.time;
  costs.insert(costs.end(), figures.memory.begin(), figures.memory.end());
  page.charts(costs, prefix);
  page.heading(3, "", "Contact sheets");
  add_sheets(page, run, prefix);
  page.heading(3, "", "Again");
  page.command(run.command);
}

std::string summary_of(const RunDetail& run, const ReportContents& contents) {
  return fmt::format("{} <span>{:.2f}x, {}</span>", escaped(label_of(run, contents)), run.speedup(),
                     metric_text("psnr", mean_of(run.frame_scores.at("psnr"))));
}

void add_runs(Page& page, const ReportContents& contents) {
  page.heading(2, "runs", contents.runs.size() == 1 ? "The run" : "One run of each row, step by step");
  if (contents.runs.empty()) page.paragraph(contents.without_runs);
  if (contents.runs.size() == 1) add_run(page, contents.runs.front(), "", !contents.settings.empty());
  for (std::size_t k = 0; contents.runs.size() > 1 && k < contents.runs.size(); ++k) {
    const RunDetail& run = contents.runs[k];
    page.add(fmt::format("<details{}><summary>{}</summary>\n", k == 0 ? " open" : "", summary_of(run, contents)));
    add_run(page, run, fmt::format("{}-", file_name_part(label_of(run, contents))), true);
    page.add("</details>\n");
  }
}

void add_notes(Page& page, const ReportContents& contents) {
  page.heading(2, "notes", "How to read it");
  page.paragraph(
      "Time: units are computed by the network; blends put stored features in their place; deciding is the "
      "policy's answers, what it looks at and storing features; rest is embedding, projection, guidance and "
      "solver; encode is 0 where no clip was written. Host time, one run.");
  page.paragraph(
      "True error: relative L1 of the latent entering a step, and of its guided prediction, against full "
      "compute of the same prompt and noise at the same step. Score: the largest over the sites of a step.");
  std::set<std::string> scores = score_names_of(contents.settings);
  for (const RunDetail& run : contents.runs) {
    for (const auto& [metric, values] : run.frame_scores) scores.insert(metric);
  }
  page.paragraph(metric_conventions(scores));
}

}  // namespace

std::string render_report(const ReportContents& contents, const fs::path& plots) {
  Page page(plots);
  page.heading(1, "", contents.title);
  page.paragraph(contents.machine, "faint");
  page.add("<nav><a href=\"#speed-quality\">Speed and quality</a>");
  if (contents.runs.size() > 1) page.add("<a href=\"#time\">Time</a>");
  page.add("<a href=\"#runs\">Step by step</a><a href=\"#notes\">How to read it</a></nav>\n");
  add_speed_quality(page, contents);
  add_time(page, contents);
  add_runs(page, contents);
  add_notes(page, contents);
  return page.finish(contents.title);
}

}  // namespace ditto
