#include "eval/report/chart_scale.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace ditto {
namespace {

constexpr double kMargin = 0.06;  // of the range, on either side
constexpr double kLeast = 1e-9;   // of a value: what differs by less is rounding, and no axis could count it up

bool is_one_value(double low, double high) { return high - low <= kLeast * std::max(std::abs(low), std::abs(high)); }

/// The least of 1, 2, 5, 10, 20, ... (and their fractions) that is not below `step`.
double nice_step(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= step * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::vector<double> multiples(Range range, double step) {
  std::vector<double> ticks;
  const double slack = 1e-9 * step;
  for (double k = std::ceil((range.low - slack) / step); k * step <= range.high + slack; ++k) {
    ticks.push_back(k == 0 ? 0 : k * step);  // no "-0"
  }
  return ticks;
}

}  // namespace

Range range_around(std::span<const double> values, bool from_zero) {
  std::vector<double> finite;
  std::ranges::copy_if(values, std::back_inserter(finite), [](double value) { return std::isfinite(value); });
  if (from_zero) finite.push_back(0);
  if (finite.empty()) return {};
  const auto [least, most] = std::ranges::minmax(finite);
  double margin = kMargin * (most - least);
  if (is_one_value(least, most)) margin = most == 0 ? 0.5 : 0.1 * std::abs(most);
  return {from_zero && least == 0 ? 0 : least - margin, most + margin};
}

std::vector<double> nice_ticks(Range range, int most, bool whole) {
  if (!(range.high > range.low) || is_one_value(range.low, range.high)) return {range.low};
  double step = nice_step((range.high - range.low) / std::max(most, 2));
  if (whole) step = std::max(step, 1.0);
  std::vector<double> ticks = multiples(range, step);
  while (ticks.size() > static_cast<std::size_t>(std::max(most, 2))) {
    step = nice_step(step * 1.5);
    ticks = multiples(range, step);
  }
  return ticks;
}

std::vector<std::string> tick_labels(std::span<const double> ticks) {
  if (ticks.size() == 1) return {fmt::format("{:g}", ticks.front())};
  int decimals = 0;
  if (ticks.size() > 1) decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(ticks[1] - ticks[0]) - 1e-9)));
  std::vector<std::string> labels;
  for (const double tick : ticks) labels.push_back(fmt::format("{:.{}f}", tick, decimals));
  return labels;
}

double Scale::operator()(double value) const {
  return begin + (value - range.low) / (range.high - range.low) * (end - begin);
}

}  // namespace ditto
