#pragma once

#include <span>
#include <string>
#include <vector>

namespace ditto {

struct Range {
  double low = 0;
  double high = 1;
};

/// The range of the finite values, widened a little so that no mark lies on the frame; [0, 1] without values, and a
/// range around the value when there is only one. A range that starts at zero is not widened below it.
Range range_around(std::span<const double> values, bool from_zero = false);

/// Multiples of 1, 2 or 5 times a power of ten inside the range, at most `most` of them (at least 2) and as many as
/// that allows. `whole` leaves out steps below 1.
std::vector<double> nice_ticks(Range range, int most, bool whole = false);

/// The ticks in as many decimals as tell them apart.
std::vector<std::string> tick_labels(std::span<const double> ticks);

/// Maps a range to pixels; `begin` may lie beyond `end`, as on a vertical axis.
struct Scale {
  Range range;
  double begin = 0;
  double end = 1;

  double operator()(double value) const;
};

}  // namespace ditto
