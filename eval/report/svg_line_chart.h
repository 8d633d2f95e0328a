#pragma once

#include <optional>
#include <string>
#include <vector>

#include "eval/report/chart_scale.h"
#include "eval/report/svg_canvas.h"

namespace ditto {

/// A mark with half the length of its error bar and what is said when it is pointed at. A y that is not finite breaks
/// the curve.
struct ChartPoint {
  double x = 0;
  double y = 0;
  double error = 0;
  std::string words = {};
};

struct ChartSeries {
  std::string label;  ///< in the legend; empty: left out of it
  std::string style;  ///< classes of chart_style()
  Marker marker = Marker::kNone;
  std::vector<ChartPoint> points;
  bool curve = true;    ///< join the points
  bool stairs = false;  ///< keep the height until the next point
};

/// A dashed level.
struct ChartLevel {
  double y = 0;
  std::string label;
};

struct LineChart {
  std::string title = {}, x_label = {}, y_label = {};
  std::vector<ChartSeries> series = {};  ///< later ones are drawn over earlier ones
  std::vector<ChartLevel> levels = {};
  std::optional<Range> x_range = {}, y_range = {};
  bool from_zero = false;  ///< the vertical axis
  bool whole_x = false;    ///< the horizontal axis counts
  double plot_height = 170;
};

/// The chart as an element, kChartWidth wide: title, legend, frame with ticks, series.
std::string draw(const LineChart& chart);

/// Draws the entries of a legend in as many lines as they need, below `top`; returns the height used.
struct LegendEntry {
  std::string label, style;
  Marker marker = Marker::kNone;
  bool box = false;  ///< a filled box rather than a piece of the curve
};
double draw_legend(SvgCanvas& canvas, const std::vector<LegendEntry>& entries, double top);
double legend_height(const std::vector<LegendEntry>& entries);

}  // namespace ditto
