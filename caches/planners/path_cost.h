#pragma once

#include <algorithm>
#include <cmath>
#include <compare>
#include <functional>
#include <vector>

namespace ditto {

/// Cost of a path as the sorted list of its edges' errors, largest first: less means lexicographically smaller. Adding
/// the same error to two lists of one length keeps their order, so shortest-path programmes stay exact.
class SortedErrors {
 public:
  SortedErrors with(double error) const {
    SortedErrors longer = *this;
    const auto place = std::upper_bound(longer.errors_.begin(), longer.errors_.end(), error, std::greater<>());
    longer.errors_.insert(place, error);
    return longer;
  }
  auto operator<=>(const SortedErrors&) const = default;

 private:
  std::vector<double> errors_;
};

/// Cost of a path as the sum of its edges' errors, each raised to a power: the higher, the nearer to the largest error.
template <int Power>
class ErrorSum {
 public:
  ErrorSum with(double error) const {
    ErrorSum longer;
    longer.sum_ = sum_ + std::pow(error, Power);
    return longer;
  }
  auto operator<=>(const ErrorSum&) const = default;

 private:
  double sum_ = 0;
};

}  // namespace ditto
