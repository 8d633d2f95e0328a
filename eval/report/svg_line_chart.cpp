#include "eval/report/svg_line_chart.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace ditto {
namespace {

constexpr double kTitleHeight = 20;
constexpr double kRight = 10;
constexpr double kTickHeight = 16;
constexpr double kLabelHeight = 14;
constexpr double kLegendLine = 16;
constexpr double kSample = 22;  // of a legend's curve, with its gap
constexpr int kMostTicks = 6;

double width_of(std::string_view text) { return kLetterWidth * static_cast<double>(text.size()); }

struct PlacedEntry {
  const LegendEntry* entry;
  double x, line;
};

std::vector<PlacedEntry> place(const std::vector<LegendEntry>& entries) {
  std::vector<PlacedEntry> placed;
  double x = 0, line = 0;
  for (const LegendEntry& entry : entries) {
    const double width = kSample + width_of(entry.label) + 12;
    if (x > 0 && x + width > kChartWidth) {
      x = 0;
      ++line;
    }
    placed.push_back({&entry, x, line});
    x += width;
  }
  return placed;
}

std::vector<LegendEntry> entries_of(const LineChart& chart) {
  std::vector<LegendEntry> entries;
  for (const ChartSeries& series : chart.series) {
    if (!series.label.empty()) entries.push_back({series.label, series.style, series.marker});
  }
  for (const ChartLevel& level : chart.levels) entries.push_back({level.label, "reference"});
  return entries;
}

Range x_range_of(const LineChart& chart) {
  if (chart.x_range) return *chart.x_range;
  std::vector<double> values;
  for (const ChartSeries& series : chart.series) {
    for (const ChartPoint& point : series.points) values.push_back(point.x);
  }
  return range_around(values);
}

Range y_range_of(const LineChart& chart) {
  if (chart.y_range) return *chart.y_range;
  std::vector<double> values;
  for (const ChartSeries& series : chart.series) {
    for (const ChartPoint& point : series.points)
      values.insert(values.end(), {point.y - point.error, point.y + point.error});
  }
  for (const ChartLevel& level : chart.levels) values.push_back(level.y);
  return range_around(values, chart.from_zero);
}

/// Where a chart's parts lie.
class Plot {
 public:
  explicit Plot(const LineChart& chart)
      : chart_(chart),
        x_ticks_(nice_ticks(x_range_of(chart), kMostTicks, chart.whole_x)),
        y_ticks_(nice_ticks(y_range_of(chart), kMostTicks)),
        x_labels_(tick_labels(x_ticks_)),
        y_labels_(tick_labels(y_ticks_)),
        legend_(entries_of(chart)) {
    std::size_t longest = 0;
    for (const std::string& label : y_labels_) longest = std::max(longest, label.size());
    left_ = kLetterWidth * static_cast<double>(longest) + 8;
    top_ = kTitleHeight + legend_height(legend_) + kLabelHeight + 8;
    bottom_ = top_ + chart.plot_height;
    x_ = {x_range_of(chart), left_, kChartWidth - kRight};
    y_ = {y_range_of(chart), bottom_, top_};
  }

  std::string draw() {
    SvgCanvas canvas(kChartWidth, bottom_ + kTickHeight + kLabelHeight + 4, chart_.title);
    canvas.text(0, 13, chart_.title, Anchor::kStart, "title");
    draw_legend(canvas, legend_, kTitleHeight);
    draw_axes(canvas);
    for (const ChartLevel& level : chart_.levels) draw_level(canvas, level);
    for (const ChartSeries& series : chart_.series) draw_series(canvas, series);
    return canvas.element();
  }

 private:
  void draw_axes(SvgCanvas& canvas) const {
    canvas.text(0, top_ - 10, chart_.y_label, Anchor::kStart, "faint");
    for (std::size_t k = 0; k < y_ticks_.size(); ++k) {
      const double y = y_(y_ticks_[k]);
      canvas.line(left_, y, kChartWidth - kRight, y, "grid");
      canvas.text(left_ - 4, y + 4, y_labels_[k], Anchor::kEnd, "faint");
    }
    for (std::size_t k = 0; k < x_ticks_.size(); ++k) {
      const double x = x_(x_ticks_[k]);
      canvas.line(x, bottom_, x, bottom_ + 4, "frame");
      canvas.text(x, bottom_ + kTickHeight, x_labels_[k], Anchor::kMiddle, "faint");
    }
    canvas.text(kChartWidth - kRight, bottom_ + kTickHeight + kLabelHeight, chart_.x_label, Anchor::kEnd, "faint");
    canvas.rectangle(left_, top_, kChartWidth - kRight - left_, chart_.plot_height, "frame");
  }

  void draw_level(SvgCanvas& canvas, const ChartLevel& level) const {
    const double y = y_(level.y);
    canvas.line(left_, y, kChartWidth - kRight, y, "reference");
  }

  void draw_series(SvgCanvas& canvas, const ChartSeries& series) const {
    if (series.curve) draw_curve(canvas, series);
    for (const ChartPoint& point : series.points) {
      if (!std::isfinite(point.y)) continue;
      const double x = x_(point.x);
      if (point.error > 0) {
        const double low = y_(point.y - point.error), high = y_(point.y + point.error);
        canvas.line(x, low, x, high, series.style);
        canvas.line(x - 3, low, x + 3, low, series.style);
        canvas.line(x - 3, high, x + 3, high, series.style);
      }
      canvas.marker(series.marker, x, y_(point.y), series.style, point.words);
    }
  }

  void draw_curve(SvgCanvas& canvas, const ChartSeries& series) const {
    std::vector<std::pair<double, double>> run;
    const auto flush = [&] {
      if (run.size() > 1) canvas.path(run, "curve " + series.style);
      run.clear();
    };
    for (const ChartPoint& point : series.points) {
      if (!std::isfinite(point.y)) {
        flush();
        continue;
      }
      if (series.stairs && !run.empty()) run.emplace_back(x_(point.x), run.back().second);
      run.emplace_back(x_(point.x), y_(point.y));
    }
    flush();
  }

  const LineChart& chart_;
  std::vector<double> x_ticks_, y_ticks_;
  std::vector<std::string> x_labels_, y_labels_;
  std::vector<LegendEntry> legend_;
  double left_ = 0, top_ = 0, bottom_ = 0;
  Scale x_, y_;
};

}  // namespace

double legend_height(const std::vector<LegendEntry>& entries) {
  return entries.empty() ? 0 : kLegendLine * (place(entries).back().line + 1);
}

double draw_legend(SvgCanvas& canvas, const std::vector<LegendEntry>& entries, double top) {
  for (const auto& [entry, x, line] : place(entries)) {
    const double y = top + kLegendLine * line + 8;
    if (entry->box) {
      canvas.rectangle(x, y - 5, 14, 10, entry->style);
    } else {
      const std::pair<double, double> ends[] = {{x, y}, {x + kSample - 5, y}};
      canvas.path(ends, "curve " + entry->style);
      canvas.marker(entry->marker, x + (kSample - 5) / 2, y, entry->style);
    }
    canvas.text(x + kSample, y + 4, entry->label);
  }
  return legend_height(entries);
}

std::string draw(const LineChart& chart) { return Plot(chart).draw(); }

}  // namespace ditto
