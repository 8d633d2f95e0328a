#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace ditto {

enum class Anchor { kStart, kMiddle, kEnd };
enum class Marker { kNone, kCircle, kSquare, kDiamond, kTriangle };

/// Width of a letter in the charts' type, in pixels: about, for fitting words.
inline constexpr double kLetterWidth = 6.6;
/// Width at which every chart is drawn: that of a phone, so that type is never scaled down.
inline constexpr double kChartWidth = 360;

/// Rules for the classes that charts use, light and dark. A class "series0" to "series6" colours what is drawn in it:
/// tones that stay apart for colour-blind eyes (Okabe and Ito 2008).
std::string_view chart_style();

/// The class of a series, by its number; beyond the last colour they start again.
std::string series_class(std::size_t number);

/// A picture made of shapes in pixels, each with a class of chart_style() and, where it is given, words that show when
/// it is pointed at.
class SvgCanvas {
 public:
  SvgCanvas(double width, double height, std::string label);

  void line(double x1, double y1, double x2, double y2, std::string_view style);
  void rectangle(double x, double y, double width, double height, std::string_view style, std::string_view words = {});
  void path(std::span<const std::pair<double, double>> points, std::string_view style);
  void marker(Marker marker, double x, double y, std::string_view style, std::string_view words = {});
  void text(double x, double y, std::string_view text, Anchor anchor = Anchor::kStart, std::string_view style = "word");

  /// The picture as an element of an HTML page that has chart_style().
  std::string element() const;

 private:
  void shape(const std::string& opening, std::string_view name, std::string_view words);

  double width_, height_;
  std::string label_, body_;
};

/// An element as a file of its own, with the style inside.
std::string svg_file(const std::string& element);

/// At most `letters` letters; what is left out in the middle becomes an ellipsis.
std::string shortened(std::string_view text, std::size_t letters);

}  // namespace ditto
