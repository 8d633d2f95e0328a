#include "eval/report/svg_canvas.h"

#include <vector>

#include <fmt/format.h>

#include "eval/report/markup.h"

namespace ditto {
namespace {

constexpr std::size_t kSeriesColours = 7;
constexpr double kMarkerSize = 3.5;

}  // namespace

std::string_view chart_style() {
  return R"css(svg{font:11px system-ui,sans-serif}
svg text{fill:#222}svg .title{font-weight:600;font-size:13px}svg .faint{fill:#5d6570;font-size:11px}
.frame{stroke:#8a929c;fill:none}.grid{stroke:#e3e6ea}.gap{stroke:#fff}
.reference{stroke:#222;stroke-dasharray:5 3;fill:none}
.curve{fill:none;stroke-width:2;stroke-linejoin:round}.curve.thin{stroke-width:1}.curve.bold{stroke-width:3}.curve.dashed{stroke-dasharray:6 3}
.series0{stroke:#0072b2;fill:#0072b2}.series1{stroke:#d55e00;fill:#d55e00}.series2{stroke:#009e73;fill:#009e73}
.series3{stroke:#cc79a7;fill:#cc79a7}.series4{stroke:#e69f00;fill:#e69f00}.series5{stroke:#56b4e9;fill:#56b4e9}
.series6{stroke:#f0e442;fill:#f0e442}.rival0{stroke:#222;fill:#222}.rival1{stroke:#7b828b;fill:#7b828b}
.other{stroke:#b4bac2;fill:#b4bac2}
.curve.series0,.curve.series1,.curve.series2,.curve.series3,.curve.series4,.curve.series5,.curve.series6,.curve.rival0,
.curve.rival1,.curve.other{fill:none}
.part{stroke:#fff;stroke-width:1}
.computed{fill:#0b4f8a}.forecast{fill:#e69f00}.reused{fill:#cfe0ee}.inside{fill:#e8edf2}.jumped{fill:#fff;stroke:#b4bac2}
@media (prefers-color-scheme:dark){svg text{fill:#e6e8ea}svg .faint{fill:#9aa3ad}
.frame{stroke:#6b737d}.grid{stroke:#2c3238}.gap{stroke:#14171a}.reference{stroke:#e6e8ea}
.series0{stroke:#4ba3dd;fill:#4ba3dd}.series1{stroke:#f0803c;fill:#f0803c}.series2{stroke:#2fc79a;fill:#2fc79a}
.rival0{stroke:#e6e8ea;fill:#e6e8ea}.rival1{stroke:#9aa3ad;fill:#9aa3ad}.other{stroke:#4a525b;fill:#4a525b}
.part{stroke:#14171a}
.computed{fill:#a6d8ff}.forecast{fill:#e69f00}.reused{fill:#28435a}.inside{fill:#20282f}.jumped{fill:#14171a;stroke:#4a525b}}
)css";
}

std::string series_class(std::size_t number) { return fmt::format("series{}", number % kSeriesColours); }

SvgCanvas::SvgCanvas(double width, double height, std::string label)
    : width_(width), height_(height), label_(std::move(label)) {}

void SvgCanvas::shape(const std::string& opening, std::string_view name, std::string_view words) {
  if (words.empty()) {
    body_ += opening + "/>\n";
  } else {
    body_ += fmt::format("{}><title>{}</title></{}>\n", opening, escape_markup(words), name);
  }
}

void SvgCanvas::line(double x1, double y1, double x2, double y2, std::string_view style) {
  body_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2, y2,
                       style);
}

void SvgCanvas::rectangle(double x, double y, double width, double height, std::string_view style,
                          std::string_view words) {
  shape(fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"", x, y, width,
                    height, style),
        "rect", words);
}

void SvgCanvas::path(std::span<const std::pair<double, double>> points, std::string_view style) {
  std::string places;
  for (const auto& [x, y] : points) places += fmt::format("{}{:.1f},{:.1f}", places.empty() ? "" : " ", x, y);
  body_ += fmt::format("<polyline points=\"{}\" class=\"{}\"/>\n", places, style);
}

void SvgCanvas::marker(Marker marker, double x, double y, std::string_view style, std::string_view words) {
  const double r = kMarkerSize;
  switch (marker) {
    case Marker::kNone:
      return;
    case Marker::kCircle:
      shape(fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" class=\"{}\"", x, y, r, style), "circle",
            words);
      return;
    case Marker::kSquare:
      rectangle(x - r, y - r, 2 * r, 2 * r, style, words);
      return;
    case Marker::kDiamond:
      shape(fmt::format("<path d=\"M{:.1f} {:.1f}l{r} {r}l-{r} {r}l-{r} -{r}z\" class=\"{}\"", x, y - 1.25 * r, style,
                        fmt::arg("r", 1.25 * r)),
            "path", words);
      return;
    case Marker::kTriangle:
      shape(fmt::format("<path d=\"M{:.1f} {:.1f}l{r} {h}h-{w}z\" class=\"{}\"", x, y - 1.2 * r, style,
                        fmt::arg("r", 1.2 * r), fmt::arg("h", 2.1 * r), fmt::arg("w", 2.4 * r)),
            "path", words);
  }
}

void SvgCanvas::text(double x, double y, std::string_view text, Anchor anchor, std::string_view style) {
  static constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
  body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", x, y,
                       kAnchors[static_cast<std::size_t>(anchor)], style, escape_markup(text));
}

std::string SvgCanvas::element() const {
  return fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n", width_, height_,
                     escape_markup(label_), body_);
}

std::string svg_file(const std::string& element) {
  const std::size_t inside = element.find('>') + 1;
  std::string opening = element.substr(0, inside);
  opening.insert(4, " xmlns=\"http://www.w3.org/2000/svg\"");
  return fmt::format(
      "{}\n<style>\n{}svg{{background:#fff}}\n@media (prefers-color-scheme:dark){{svg{{background:"
      "#14171a}}}}\n</style>{}",
      opening, chart_style(), element.substr(inside));
}

std::string shortened(std::string_view text, std::size_t letters) {
  std::vector<std::size_t> starts;  // of the letters: UTF-8 is cut between them
  for (std::size_t k = 0; k < text.size(); ++k) {
    if ((static_cast<unsigned char>(text[k]) & 0xC0) != 0x80) starts.push_back(k);
  }
  if (starts.size() <= letters) return std::string(text);
  const std::size_t tail = (letters - 1) / 2;
  const std::size_t head = letters - 1 - tail;
  return fmt::format("{}\u2026{}", text.substr(0, starts[head]), text.substr(starts[starts.size() - tail]));
}

}  // namespace ditto
