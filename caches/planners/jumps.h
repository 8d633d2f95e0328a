#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "caches/planners/gram.h"
#include "caches/planners/move_table.h"
#include "caches/planners/step_goal.h"

namespace ditto {

/// How the errors of several prompts make one. Prompts differ by powers of ten in what a move costs them: the root mean
/// square is that of the worst one or two, the geometric mean speaks for all and is what the mean PSNR sees.
enum class PromptAverage : std::uint8_t { kRms, kGeometric };

/// "rms", "geometric".
std::string_view average_name(PromptAverage average);
inline constexpr PromptAverage kPromptAverages[] = {PromptAverage::kRms, PromptAverage::kGeometric};

/// Errors of solver steps that jump over nodes of the grid, from full runs: the step starts from the run's true latent,
/// with the run's true predictions as its history, and is compared with the latent the run reached.
class JumpErrors {
 public:
  /// `gram`: inner products of (x_0 .. x_T, m_0 .. m_{T-1}), the latents as the corrector leaves them and the guided
  /// data predictions. `sigmas`: T + 1 noise levels. `order` of the predictor: 1 (Euler) or 2 (UniPC).
  JumpErrors(Gram gram, std::vector<double> sigmas, int order);

  int steps() const { return static_cast<int>(sigmas_.size()) - 1; }
  int prompts() const { return gram_.samples(); }

  /// Average over the prompts of the step previous -> from -> to; of first order when `previous` is -1.
  double error(int previous, int from, int to, PromptAverage average = PromptAverage::kRms) const;

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
  PromptAverage average = PromptAverage::kRms;
  /// How much a change of the latent entering node j changes the end of the run, for j = 0 .. T; empty: all alike.
  std::vector<double> amplification = {};
};

/// Amplification exp(-emphasis * j / T): early errors count more, as where a run decides early what it will show and
/// the decoder forgives the noise of the last steps. 0: all alike.
std::vector<double> early_emphasis(int steps, double emphasis);

/// A table of all moves, weighed by the amplification.
MoveTable jump_moves(const JumpErrors& errors, const JumpOptions& options);

/// The best nodes to visit by one criterion.
std::vector<int> plan_jumps(const MoveTable& moves, const StepGoal& goal, JumpCriterion criterion);

/// Everything that chooses among sub-schedules without running them.
struct JumpRule {
  JumpCriterion criterion = JumpCriterion::kFourthPowers;
  PromptAverage average = PromptAverage::kGeometric;
  double emphasis = 1;

  /// "q4/geometric/1".
  std::string name() const;
  /// "criterion=q4,average=geometric,emphasis=1".
  std::string options() const;
};

/// The best nodes to visit by one rule.
std::vector<int> plan_jumps(const JumpErrors& errors, int max_gap, const StepGoal& goal, const JumpRule& rule);

}  // namespace ditto
