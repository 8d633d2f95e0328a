#pragma once

#include <string>
#include <vector>

namespace ditto {

struct StackedBar {
  std::string label;
  std::vector<double> parts;  ///< one for each part of the chart, in its unit
};

struct StackedBars {
  std::string title, unit;
  std::vector<std::string> parts;  ///< at most as many as there are series colours
  std::vector<StackedBar> bars;
  double longest = 0;  ///< what the axis reaches at least, for charts side by side
};

double sum_of(const StackedBar& bar);

/// Horizontal bars, one under another, each with its label before and its sum behind it, as an element of kChartWidth.
std::string draw(const StackedBars& chart);

}  // namespace ditto
