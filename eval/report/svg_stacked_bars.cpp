#include "eval/report/svg_stacked_bars.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "eval/report/chart_scale.h"
#include "eval/report/svg_line_chart.h"

namespace ditto {
namespace {

constexpr double kTop = 20;
constexpr double kBar = 14, kLine = 19;
constexpr double kSumWidth = 44;
constexpr std::size_t kLongestLabel = 20;

}  // namespace

double sum_of(const StackedBar& bar) { return std::accumulate(bar.parts.begin(), bar.parts.end(), 0.0); }

std::string draw(const StackedBars& chart) {
  std::vector<LegendEntry> legend;
  for (std::size_t k = 0; k < chart.parts.size(); ++k) {
    legend.push_back({chart.parts[k], series_class(k) + " part", Marker::kNone, true});
  }
  std::size_t longest = 0;
  double most = chart.longest;
  for (const StackedBar& bar : chart.bars) {
    longest = std::max(longest, std::min(bar.label.size(), kLongestLabel));
    most = std::max(most, sum_of(bar));
  }
  const double left = kLetterWidth * static_cast<double>(longest) + 6;
  const double top = kTop + legend_height(legend) + 6;
  const double bottom = top + kLine * static_cast<double>(chart.bars.size());
  const Scale scale = {{0, most > 0 ? most : 1}, left, kChartWidth - kSumWidth};
  SvgCanvas canvas(kChartWidth, bottom + 30, chart.title);
  canvas.text(0, 13, chart.title, Anchor::kStart, "title");
  draw_legend(canvas, legend, kTop);
  const std::vector<double> ticks = nice_ticks(scale.range, 5);
  const std::vector<std::string> labels = tick_labels(ticks);
  for (std::size_t k = 0; k < ticks.size(); ++k) {
    canvas.line(scale(ticks[k]), top - 2, scale(ticks[k]), bottom, "grid");
    canvas.text(scale(ticks[k]), bottom + 12, labels[k], Anchor::kMiddle, "faint");
  }
  canvas.text(kChartWidth, bottom + 26, chart.unit, Anchor::kEnd, "faint");
  for (std::size_t b = 0; b < chart.bars.size(); ++b) {
    const StackedBar& bar = chart.bars[b];
    const double y = top + kLine * static_cast<double>(b);
    canvas.text(left - 4, y + 11, shortened(bar.label, kLongestLabel), Anchor::kEnd);
    double passed = 0;
    for (std::size_t k = 0; k < bar.parts.size(); ++k) {
      if (bar.parts[k] <= 0) continue;
      canvas.rectangle(scale(passed), y, scale(passed + bar.parts[k]) - scale(passed), kBar, series_class(k) + " part",
                       fmt::format("{}, {}: {:.4g} {}", bar.label, chart.parts[k], bar.parts[k], chart.unit));
      passed += bar.parts[k];
    }
    canvas.text(scale(passed) + 4, y + 11, fmt::format("{:.3g}", passed), Anchor::kStart, "faint");
  }
  return canvas.element();
}

}  // namespace ditto
