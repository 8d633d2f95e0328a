#pragma once

#include <functional>
#include <vector>

namespace ditto {

/// Errors of the moves of a sub-schedule on the steps 0 to steps - 1: from step `from` to step `to`, when the step
/// visited before `from` was `previous` (-1: none). `to` may be `steps`, the end. Moves are at most `max_gap` long.
class MoveTable {
 public:
  using Error = std::function<double(int previous, int from, int to)>;

  /// Asks `error` once for every possible move. Error(kUsage) naming a move whose error is NaN or negative.
  MoveTable(int steps, int max_gap, const Error& error);

  int steps() const { return steps_; }
  int max_gap() const { return max_gap_; }
  double error(int previous, int from, int to) const { return errors_[index(previous, from, to)]; }

 private:
  std::size_t index(int previous, int from, int to) const;

  int steps_;
  int max_gap_;
  std::vector<double> errors_;
};

}  // namespace ditto
