#include "eval/report/speed_quality.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include <fmt/format.h>

#include "eval/metrics/registry.h"
#include "eval/report/svg_line_chart.h"

namespace ditto {
namespace {

constexpr std::size_t kMostColours = 6;
constexpr double kPanelHeight = 120;

struct Row {
  std::string name;
  bool rival = false;
  std::vector<ChartPoint> points;  ///< by speed-up
};

bool is_higher_better(const std::string& metric) {
  const auto entry = std::ranges::find(metrics(), metric, &MetricEntry::name);
  return entry == metrics().end() || entry->better == BetterScore::kHigher;
}

std::vector<Row> rows_of(std::span<const SettingSummary> settings, const std::set<std::string>& rivals,
                         const std::string& metric) {
  std::vector<Row> rows;
  for (const SettingSummary& setting : settings) {
    const auto score = setting.scores.find(metric);
    if (score == setting.scores.end()) continue;
    auto row = std::ranges::find(rows, setting.row, &Row::name);
    if (row == rows.end()) row = rows.insert(rows.end(), {setting.row, rivals.contains(setting.row), {}});
    const std::optional<double> error = score->second.standard_error;
    row->points.push_back(
        {setting.speedup, score->second.mean, error.value_or(0),
         fmt::format("{}, {}: {:.2f}x, {}{}", setting.row, setting.cache, setting.speedup,
                     metric_text(metric, score->second.mean), error ? fmt::format(" ± {:.4g}", *error) : "")});
  }
  for (Row& row : rows) std::ranges::sort(row.points, {}, &ChartPoint::x);
  return rows;
}

/// Whether no other cache is at least as fast and better, for one of the row's settings.
bool has_best_setting(const Row& row, const std::vector<Row>& rows, bool higher) {
  return std::ranges::any_of(row.points, [&](const ChartPoint& point) {
    return std::ranges::none_of(rows, [&](const Row& other) {
      return !other.rival && std::ranges::any_of(other.points, [&](const ChartPoint& rival) {
        return rival.x >= point.x && (higher ? rival.y > point.y : rival.y < point.y);
      });
    });
  });
}

ChartSeries series_of(const Row& row, std::string style, Marker marker) {
  return {.label = row.name, .style = std::move(style), .marker = marker, .points = row.points};
}

std::vector<ChartSeries> rival_series(const std::vector<Row>& rows, const std::string& weight) {
  std::vector<ChartSeries> series;
  for (const Row& row : rows) {
    if (!row.rival) continue;
    const bool first = series.empty();
    series.push_back(
        series_of(row, (first ? "rival0 dashed" : "rival1") + weight, first ? Marker::kSquare : Marker::kTriangle));
  }
  return series;
}

/// The colours of the rows that stand out: a row has the same one in every plot.
class Palette {
 public:
  /// Which colour the row has; none when all are given away.
  std::optional<std::size_t> colour_of(const std::string& row) {
    const auto found = std::ranges::find(rows_, row);
    const auto place = static_cast<std::size_t>(found - rows_.begin());
    if (found == rows_.end()) {
      if (rows_.size() == kMostColours) return std::nullopt;
      rows_.push_back(row);
    }
    return place;
  }

 private:
  std::vector<std::string> rows_;
};

class Curves {
 public:
  Curves(std::string metric, std::vector<Row> rows) : metric_(std::move(metric)), rows_(std::move(rows)) {
    std::vector<double> x, y;
    for (const Row& row : rows_) {
      for (const ChartPoint& point : row.points) {
        x.push_back(point.x);
        y.insert(y.end(), {point.y - point.error, point.y + point.error});
      }
    }
    x_range_ = range_around(x);
    y_range_ = range_around(y);
  }

  Figure overview(Palette& palette) const {
    LineChart chart = chart_titled(metric_title(metric_) + " over speed-up");
    chart.plot_height = 260;
    std::vector<ChartSeries> coloured;
    bool others = false;
    for (const Row& row : rows_) {
      if (row.rival) continue;
      const bool stands_out = has_best_setting(row, rows_, is_higher_better(metric_));
      if (const auto colour = stands_out ? palette.colour_of(row.name) : std::nullopt) {
        coloured.push_back(series_of(row, series_class(*colour), static_cast<Marker>(1 + *colour % 4)));
        continue;
      }
      chart.series.push_back(series_of(row, "other", Marker::kCircle));
      chart.series.back().label = others ? "" : "other caches";
      for (ChartPoint& point : chart.series.back().points) point.error = 0;
      others = true;
    }
    chart.series.insert(chart.series.end(), coloured.begin(), coloured.end());
    for (ChartSeries& series : rival_series(rows_, " bold")) chart.series.push_back(std::move(series));
    return {"speed-quality-" + metric_, draw(chart)};
  }

  std::vector<Figure> panels() const {
    std::vector<Figure> panels;
    for (const Row& row : rows_) {
      if (row.rival) continue;
      LineChart chart = chart_titled(row.name);
      chart.plot_height = kPanelHeight;
      chart.series = rival_series(rows_, "");
      chart.series.push_back(series_of(row, "series0 bold", Marker::kCircle));
      chart.series.back().label.clear();  // it is the title
      panels.push_back({fmt::format("speed-quality-{}-{}", metric_, file_name_part(row.name)), draw(chart)});
    }
    return panels;
  }

 private:
  LineChart chart_titled(std::string title) const {
    return {
        .title = std::move(title),
        .x_label = "measured speed-up of denoising",
        .y_label = metric_title(metric_) + (is_higher_better(metric_) ? " (higher is better)" : " (lower is better)"),
        .x_range = x_range_,
        .y_range = y_range_};
  }

  std::string metric_;
  std::vector<Row> rows_;
  Range x_range_, y_range_;
};

}  // namespace

std::vector<SpeedQuality> speed_quality(std::span<const SettingSummary> settings, const std::set<std::string>& rivals) {
  std::vector<std::string> names;
  for (const SettingSummary& setting : settings) {
    for (const auto& [metric, score] : setting.scores) {
      if (std::ranges::find(names, metric) == names.end()) names.push_back(metric);
    }
  }
  std::vector<SpeedQuality> all;
  Palette palette;
  for (const std::string& metric : names) {
    const Curves curves(metric, rows_of(settings, rivals, metric));
    all.push_back({metric, curves.overview(palette), curves.panels()});
  }
  return all;
}

std::string file_name_part(const std::string& name) {
  std::string part;
  for (const char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (plain) {
      part += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!part.empty() && part.back() != '-') {
      part += '-';
    }
  }
  while (part.ends_with('-')) part.pop_back();
  return part.empty() ? "row" : part;
}

}  // namespace ditto
