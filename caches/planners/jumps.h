#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "caches/planners/gram.h"
#include "caches/planners/move_table.h"
#include "caches/planners/step_goal.h"

namespace ditto {

/// Errors of solver steps that jump over nodes of the grid, from full runs: the step starts from the run's true latent,
/// with the run's true predictions as its history, and is compared with the latent the run reached.
class JumpErrors {
 public:
  /// `gram`: inner products of (x_0 .. x_T, m_0 .. m_{T-1}), the latents as the corrector leaves them and the guided
  /// data predictions. `sigmas`: T + 1 noise levels. `order` of the predictor: 1 (Euler) or 2 (UniPC).
  JumpErrors(Gram gram, std::vector<double> sigmas, int order);

  int steps() const { return static_cast<int>(sigmas_.size()) - 1; }
  int prompts() const { return gram_.samples(); }

  /// Root mean square over the prompts of the step previous -> from -> to; of first order when `previous` is -1.
  double error(int previous, int from, int to) const;

  /// The errors of all steps of a sub-schedule, over all prompts or of one.
  std::vector<double> errors_of(std::span<const int> nodes) const;
  std::vector<double> errors_of(std::span<const int> nodes, int prompt) const;

 private:
  std::vector<GramTerm> terms(int previous, int from, int to) const;

  Gram gram_;
  std::vector<double> sigmas_;
  int order_;
};

/// How the errors of a sub-schedule's steps make its cost: their sum, sum of squares, sum of fourth powers, or the
/// largest (of equal ones the next, and so on).
enum class JumpCriterion : std::uint8_t { kSum, kSquares, kFourthPowers, kMinimax };

/// "sum", "q2", "q4", "minimax".
std::string_view criterion_name(JumpCriterion criterion);
inline constexpr JumpCriterion kJumpCriteria[] = {JumpCriterion::kSum, JumpCriterion::kSquares,
                                                  JumpCriterion::kFourthPowers, JumpCriterion::kMinimax};

struct JumpOptions {
  int max_gap = 16;
  /// How much a change of the latent entering node j changes the end of the run, for j = 0 .. T; empty: all alike.
  std::vector<double> amplification = {};
};

/// A table of all moves, weighed by the amplification.
MoveTable jump_moves(const JumpErrors& errors, const JumpOptions& options);

/// The best nodes to visit by one criterion.
std::vector<int> plan_jumps(const MoveTable& moves, const StepGoal& goal, JumpCriterion criterion);

/// A sub-schedule, the criteria that chose it, and what a closed loop measured.
struct JumpCandidate {
  std::vector<JumpCriterion> criteria;
  std::vector<int> nodes;
  double measured = 0;
};

/// The distinct plans of all criteria, run by `measure` (nodes to error), the best one first. The criterion matters
/// more than the number of prompts, and no model of the error ranks plans as well as running them.
std::vector<JumpCandidate> rank_jumps(const MoveTable& moves, const StepGoal& goal,
                                      const std::function<double(const std::vector<int>&)>& measure);

}  // namespace ditto
