#include "eval/report/run_figures.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include <fmt/format.h>

#include "eval/metrics/registry.h"
#include "eval/report/svg_heat_map.h"
#include "eval/report/svg_line_chart.h"
#include "eval/report/svg_stacked_bars.h"

namespace ditto {
namespace {

constexpr double kStripHeight = 90;

Range steps_of(const RunDetail& run) { return {-0.5, run.trace.run.steps - 0.5}; }

/// The decision with the largest score of each step.
std::vector<const TraceEvent*> leading_scores(const Trace& trace, Branch branch) {
  std::vector<const TraceEvent*> leading;
  for (const TraceEvent& event : trace.events) {
    if (event.branch != branch || !event.score || !std::isfinite(*event.score)) continue;
    if (!leading.empty() && leading.back()->step == event.step) {
      if (*event.score > *leading.back()->score) leading.back() = &event;
    } else {
      leading.push_back(&event);
    }
  }
  return leading;
}

std::string indicator_chart(const RunDetail& run, const std::vector<const TraceEvent*>& scores,
                            const std::string& title) {
  ChartSeries all{.label = "", .style = "other thin", .points = {}};
  ChartSeries computed{
      .label = "then computed", .style = "series1", .marker = Marker::kDiamond, .points = {}, .curve = false};
  ChartSeries blended{
      .label = "then reused", .style = "series0", .marker = Marker::kCircle, .points = {}, .curve = false};
  for (const TraceEvent* event : scores) {
    const double step = event->step;
    all.points.push_back({step, *event->score});
    ChartSeries& series = event->action == Action::kBlend ? blended : computed;
    series.points.push_back(
        {step, *event->score, 0,
         fmt::format("step {}, {}: {:.4g}, {}", event->step, event->site, *event->score, event->reason)});
  }
  LineChart chart{.title = title, .x_label = "step", .y_label = "score", .series = {all, computed, blended}};
  for (const Threshold& threshold : run.thresholds) {
    chart.levels.push_back({threshold.value, fmt::format("{} {:g}", threshold.label, threshold.value)});
  }
  chart.x_range = steps_of(run);
  chart.whole_x = true;
  chart.from_zero = true;
  return draw(chart);
}

bool same_scores(const std::vector<const TraceEvent*>& a, const std::vector<const TraceEvent*>& b) {
  return std::ranges::equal(a, b, [](const TraceEvent* left, const TraceEvent* right) {
    return left->step == right->step && left->score == right->score && left->action == right->action;
  });
}

void add_indicators(const RunDetail& run, std::vector<Figure>& figures) {
  const auto conditional = leading_scores(run.trace, Branch::kConditional);
  const auto unconditional = leading_scores(run.trace, Branch::kUnconditional);
  const bool joint = same_scores(conditional, unconditional);
  if (!conditional.empty()) {
    const std::string branch = joint ? "both branches" : "conditional branch";
    figures.push_back({"indicator-conditional", indicator_chart(run, conditional, "Indicator, " + branch)});
  }
  if (!unconditional.empty() && !joint) {
    figures.push_back(
        {"indicator-unconditional", indicator_chart(run, unconditional, "Indicator, unconditional branch")});
  }
}

std::string error_chart(const RunDetail& run) {
  ChartSeries latent{.label = "latent (piled up)", .style = "series0", .points = {}};
  ChartSeries prediction{.label = "prediction of the step", .style = "series1 dashed", .points = {}};
  for (const StepError& error : run.errors) {
    latent.points.push_back({static_cast<double>(error.node), error.latent});
    prediction.points.push_back({static_cast<double>(error.node), error.prediction});
  }
  return draw(LineChart{.title = "True error against full compute",
                        .x_label = "step",
                        .y_label = "relative L1",
                        .series = {latent, prediction},
                        .x_range = steps_of(run),
                        .from_zero = true,
                        .whole_x = true});
}

std::string frame_chart(const std::string& metric, const std::vector<double>& scores) {
  const auto entry = std::ranges::find(metrics(), metric, &MetricEntry::name);
  const bool higher = entry == metrics().end() || entry->better == BetterScore::kHigher;
  const auto worst = higher ? std::ranges::min_element(scores) : std::ranges::max_element(scores);
  ChartSeries curve{.label = "", .style = "series0", .marker = Marker::kCircle, .points = {}};
  for (std::size_t frame = 0; frame < scores.size(); ++frame) {
    curve.points.push_back({static_cast<double>(frame), scores[frame], 0,
                            fmt::format("frame {}: {}", frame, metric_text(metric, scores[frame]))});
  }
  const auto worst_frame = static_cast<double>(worst - scores.begin());
  const ChartSeries mark{.label = fmt::format("worst: frame {}, {}", worst_frame, metric_text(metric, *worst)),
                         .style = "series1",
                         .marker = Marker::kDiamond,
                         .points = {{worst_frame, *worst}}};
  return draw(LineChart{.title = metric_title(metric) + " of every frame",
                        .x_label = "frame",
                        .y_label = higher ? "higher is better" : "lower is better",
                        .series = {curve, mark},
                        .x_range = Range{-0.5, static_cast<double>(scores.size()) - 0.5},
                        .whole_x = true,
                        .plot_height = kStripHeight});
}

std::string memory_chart(const RunDetail& run) {
  ChartSeries bytes{.label = "", .style = "series0", .points = {}, .stairs = true};
  for (const StepMemory& step : run.memory) {
    bytes.points.push_back({static_cast<double>(step.node), std::ldexp(static_cast<double>(step.cache_bytes), -20)});
  }
  return draw(LineChart{.title = "Stored features after each step",
                        .x_label = "step",
                        .y_label = "MiB",
                        .series = {bytes},
                        .x_range = steps_of(run),
                        .from_zero = true,
                        .whole_x = true,
                        .plot_height = kStripHeight});
}

}  // namespace

std::string metric_title(const std::string& metric) {
  if (metric == "psnr") return "PSNR, dB";
  if (metric == "ssim") return "SSIM";
  if (metric == "lpips-alex") return "LPIPS (alex)";
  return metric;
}

std::string metric_text(const std::string& metric, double score) {
  return metric.starts_with("psnr") ? fmt::format("{:.2f} dB", score) : fmt::format("{:.4f}", score);
}

RunFigures figures_of(const RunDetail& run) {
  RunFigures figures;
  for (const Branch branch : run.trace.run.branches) {
    const std::string name(branch_name(branch));
    figures.decisions.push_back(
        {"decisions-" + name, draw_heat_map(run.trace, branch, "Decisions, " + name + " branch")});
  }
  add_indicators(run, figures.errors);
  figures.errors.push_back({"true-error", error_chart(run)});
  for (const std::string& metric : frame_metrics()) {
    const auto scores = run.frame_scores.find(metric);
    if (scores == run.frame_scores.end()) continue;
    figures.frames.push_back({"frames-" + metric, frame_chart(metric, scores->second)});
  }
  figures.time.push_back(
      {"time", draw(StackedBars{.title = "Where the time went",
                                .unit = "seconds",
                                .parts = time_part_names(),
                                .bars = {{"full compute", run.full_time.parts()}, {"cached", run.time.parts()}}})});
  figures.memory.push_back({"memory", memory_chart(run)});
  return figures;
}

at::Tensor picture_row(const at::Tensor& pictures) {
  constexpr std::int64_t kGap = 2;
  constexpr int kGrey = 128;
  const at::Tensor gap = at::full({pictures.size(1), kGap, 3}, kGrey, at::kByte);
  std::vector<at::Tensor> parts;
  for (std::int64_t k = 0; k < pictures.size(0); ++k) {
    if (k > 0) parts.push_back(gap);
    parts.push_back(pictures[k]);
  }
  return at::cat(parts, 1).contiguous();
}

at::Tensor picture_difference(const at::Tensor& a, const at::Tensor& b, double gain) {
  return ((a.to(at::kFloat) - b.to(at::kFloat)).abs() * gain).clamp(0, 255).to(at::kByte);
}

}  // namespace ditto
