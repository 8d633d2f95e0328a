#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "caches/planners/move_table.h"
#include "caches/planners/plan_graph.h"
#include "caches/planners/step_goal.h"

namespace ditto {

/// Finds the steps to visit, from step 0 to the end, with the least cost; of equal ones the lexicographically smallest.
/// The error of a move depends on the step before it, so the search is over pairs of steps and exact. `Cost` has
/// with(error) and an order that with() keeps.
template <typename Cost>
class StepPathSearch {
 public:
  StepPathSearch(const MoveTable& moves, const StepGoal& goal) : moves_(moves), goal_(goal) {}

  /// Throws Error(kUsage) when no sub-schedule meets the goal.
  std::vector<int> run() {
    goal_.require_possible(moves_.steps(), moves_.max_gap());
    layer_.assign(slots(), {});
    layer_[slot(0, 0)] = Label{{}, {0}};
    for (int count = 1; count < goal_.nodes; ++count) {
      Layer next(slots());
      each_label([&](const Label& label, int previous, int from) {
        for (int to = from + 1; to <= std::min(from + moves_.max_gap(), moves_.steps() - 1); ++to) {
          if (allows(from, to)) keep_better(next[slot(to, to - from)], longer(label, previous, from, to));
        }
      });
      layer_ = std::move(next);
    }
    return finish();
  }

 private:
  struct Label {
    Cost cost;
    std::vector<int> path;
    auto operator<=>(const Label&) const = default;
  };
  /// By the step where a path ends and the length of the move that led there, 0 where none did.
  using Layer = std::vector<std::optional<Label>>;

  std::size_t slot(int at, int length) const { return static_cast<std::size_t>(at * (moves_.max_gap() + 1) + length); }
  std::size_t slots() const { return slot(moves_.steps(), 0); }

  template <typename Visit>
  void each_label(const Visit& visit) const {
    for (int at = 0; at < moves_.steps(); ++at) {
      for (int length = 0; length <= moves_.max_gap(); ++length) {
        if (const auto& label = layer_[slot(at, length)]) visit(*label, length == 0 ? -1 : at - length, at);
      }
    }
  }

  bool allows(int from, int to) const {
    return to - from <= moves_.max_gap() && goal_.allows(from, to, moves_.steps());
  }

  Label longer(const Label& label, int previous, int from, int to) const {
    Label result{label.cost.with(quantised(moves_.error(previous, from, to))), label.path};
    result.path.push_back(to);
    return result;
  }

  static void keep_better(std::optional<Label>& best, Label candidate) {
    if (!best || candidate < *best) best = std::move(candidate);
  }

  /// The last move of every path, to the end.
  std::vector<int> finish() const {
    std::optional<Label> best;
    each_label([&](const Label& label, int previous, int from) {
      if (allows(from, moves_.steps())) keep_better(best, longer(label, previous, from, moves_.steps()));
    });
    best->path.pop_back();
    return best->path;
  }

  const MoveTable& moves_;
  StepGoal goal_;
  Layer layer_;
};

template <typename Cost>
std::vector<int> best_step_path(const MoveTable& moves, const StepGoal& goal) {
  return StepPathSearch<Cost>(moves, goal).run();
}

}  // namespace ditto
