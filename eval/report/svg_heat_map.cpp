#include "eval/report/svg_heat_map.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "eval/report/chart_scale.h"
#include "eval/report/svg_line_chart.h"

namespace ditto {
namespace {

constexpr double kTop = 20;
constexpr double kRight = 6;
constexpr std::size_t kFewRows = 12;  // as many are labelled by their whole names
constexpr std::size_t kLongestLabel = 16;

struct Kind {
  char letter;
  const char* style;
  const char* word;
};
constexpr Kind kKinds[] = {{'C', "computed", "computed"},
                           {'R', "reused", "reused"},
                           {'F', "forecast", "forecast"},
                           {'-', "inside", "inside a reused site, or not asked"},
                           {'.', "jumped", "jumped over"}};

const Kind& kind_of(char letter) { return *std::ranges::find(kKinds, letter, &Kind::letter); }

struct Row {
  std::string site, pattern;
};

std::vector<Row> rows_of(const Trace& trace, Branch branch) {
  std::vector<Row> rows;
  for (const Site& site : trace.run.sites) rows.push_back({site.name, trace.pattern(site.name, branch)});
  if (rows.empty()) {  // no policy, or one that only jumps: every visited step is computed
    std::string pattern(static_cast<std::size_t>(trace.run.steps), '.');
    for (const int node : trace.run.grid.nodes) pattern[static_cast<std::size_t>(node)] = 'C';
    rows.push_back({"all units", pattern});
  }
  return rows;
}

std::vector<LegendEntry> legend_of(const std::vector<Row>& rows) {
  std::vector<LegendEntry> entries;
  for (const Kind& kind : kKinds) {
    const auto has = [&](const Row& row) { return row.pattern.find(kind.letter) != std::string::npos; };
    if (std::ranges::any_of(rows, has)) entries.push_back({kind.word, kind.style, Marker::kNone, true});
  }
  return entries;
}

/// "blocks.3" of "blocks.3.self_attention": what rows share that are too low for labels of their own.
std::string group_of(const std::string& site) {
  const std::size_t first = site.find('.');
  return first == std::string::npos ? site : site.substr(0, site.find('.', first + 1));
}

double row_height(std::size_t rows) {
  if (rows <= 4) return 18;
  return rows <= kFewRows ? 14 : std::max(3.0, 300.0 / static_cast<double>(rows));
}

class Map {
 public:
  Map(const Trace& trace, std::vector<Row> rows) : rows_(std::move(rows)), legend_(legend_of(rows_)) {
    std::size_t longest = 0;
    for (const Row& row : rows_) longest = std::max(longest, label_of(row).size());
    left_ = kLetterWidth * static_cast<double>(longest) + 6;
    top_ = kTop + legend_height(legend_) + 4;
    height_ = row_height(rows_.size());
    bottom_ = top_ + height_ * static_cast<double>(rows_.size());
    steps_ = {{0, static_cast<double>(trace.run.steps)}, left_, kChartWidth - kRight};
  }

  std::string draw(const std::string& title) const {
    SvgCanvas canvas(kChartWidth, bottom_ + 34, title);
    canvas.text(0, 13, title, Anchor::kStart, "title");
    draw_legend(canvas, legend_, kTop);
    draw_labels(canvas);
    for (std::size_t row = 0; row < rows_.size(); ++row) draw_row(canvas, rows_[row], top_of(row));
    draw_gaps(canvas);
    draw_axis(canvas);
    return canvas.element();
  }

 private:
  bool few() const { return rows_.size() <= kFewRows; }
  std::string label_of(const Row& row) const { return shortened(few() ? row.site : group_of(row.site), kLongestLabel); }
  double top_of(std::size_t row) const { return top_ + height_ * static_cast<double>(row); }

  void draw_labels(SvgCanvas& canvas) const {
    double free_from = 0;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const bool starts = row == 0 || few() || group_of(rows_[row].site) != group_of(rows_[row - 1].site);
      if (!starts || top_of(row) < free_from) continue;
      canvas.text(left_ - 4, top_of(row) + std::min(height_ / 2, 6.0) + 4, label_of(rows_[row]), Anchor::kEnd, "faint");
      free_from = top_of(row) + 14;
    }
  }

  void draw_row(SvgCanvas& canvas, const Row& row, double top) const {
    for (std::size_t begin = 0; begin < row.pattern.size();) {
      const std::size_t end = std::min(row.pattern.find_first_not_of(row.pattern[begin], begin), row.pattern.size());
      const double x = steps_(static_cast<double>(begin));
      const std::string steps =
          end - begin == 1 ? fmt::format("step {}", begin) : fmt::format("steps {} to {}", begin, end - 1);
      const Kind& kind = kind_of(row.pattern[begin]);
      canvas.rectangle(x, top, steps_(static_cast<double>(end)) - x, height_ - (height_ > 6 ? 1 : 0), kind.style,
                       fmt::format("{}, {}: {}", row.site, steps, kind.word));
      begin = end;
    }
  }

  /// Between the steps, where there is room.
  void draw_gaps(SvgCanvas& canvas) const {
    if (steps_(1) - steps_(0) < 4) return;
    for (double step = 1; step < steps_.range.high; ++step)
      canvas.line(steps_(step), top_, steps_(step), bottom_, "gap");
  }

  void draw_axis(SvgCanvas& canvas) const {
    const std::vector<double> ticks = nice_ticks({0, steps_.range.high - 1}, 6, true);
    const std::vector<std::string> labels = tick_labels(ticks);
    for (std::size_t k = 0; k < ticks.size(); ++k) {
      canvas.text(steps_(ticks[k] + 0.5), bottom_ + 13, labels[k], Anchor::kMiddle, "faint");
    }
    canvas.text(kChartWidth - kRight, bottom_ + 27, "step", Anchor::kEnd, "faint");
  }

  std::vector<Row> rows_;
  std::vector<LegendEntry> legend_;
  double left_ = 0, top_ = 0, height_ = 0, bottom_ = 0;
  Scale steps_;
};

}  // namespace

std::string draw_heat_map(const Trace& trace, Branch branch, const std::string& title) {
  return Map(trace, rows_of(trace, branch)).draw(title);
}

}  // namespace ditto
