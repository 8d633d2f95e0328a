#include "caches/polynomial.h"

#include <charconv>
#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "core/error.h"

namespace ditto {

std::vector<double> parse_polynomial(const std::string& text, const std::string& where) {
  std::vector<double> coefficients;
  std::string_view rest = text;
  for (bool more = true; more;) {
    const std::size_t slash = rest.find('/');
    const std::string_view item = rest.substr(0, slash);
    double value = 0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), value);
    if (error != std::errc() || end != item.data() + item.size() || !std::isfinite(value)) {
      throw Error(ExitCode::kUsage,
                  fmt::format("--cache: {}: '{}' is no number; accepted: a/b/c, highest power first", where, item));
    }
    coefficients.push_back(value);
    more = slash != std::string_view::npos;
    if (more) rest = rest.substr(slash + 1);
  }
  return coefficients;
}

double evaluate_polynomial(const std::vector<double>& coefficients, double x) {
  double value = 0;
  for (const double coefficient : coefficients) value = value * x + coefficient;
  return value;
}

}  // namespace ditto
