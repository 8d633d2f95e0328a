#pragma once

#include <string>
#include <vector>

namespace ditto {

/// Coefficients written "a/b/c", highest power first. Throws Error(kUsage) beginning with `where` when one is no finite
/// number.
std::vector<double> parse_polynomial(const std::string& text, const std::string& where);

/// The polynomial's value by Horner's rule.
double evaluate_polynomial(const std::vector<double>& coefficients, double x);

}  // namespace ditto
