#include "caches/polynomial.h"

#include "caches/number_list.h"

namespace ditto {

std::vector<double> parse_polynomial(const std::string& text, const std::string& where) {
  return parse_numbers(text, where, "a/b/c, highest power first");
}

double evaluate_polynomial(const std::vector<double>& coefficients, double x) {
  double value = 0;
  for (const double coefficient : coefficients) value = value * x + coefficient;
  return value;
}

}  // namespace ditto
