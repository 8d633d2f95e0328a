#include "caches/planners/jumps.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "caches/planners/path_cost.h"
#include "caches/planners/step_path.h"
#include "solvers/unipc_weights.h"

namespace ditto {

JumpErrors::JumpErrors(Gram gram, std::vector<double> sigmas, int order)
    : gram_(std::move(gram)), sigmas_(std::move(sigmas)), order_(order) {}

std::vector<GramTerm> JumpErrors::terms(int previous, int from, int to) const {
  const auto sigma = [&](int node) { return sigmas_[static_cast<std::size_t>(node)]; };
  const bool has_history = order_ == 2 && previous >= 0;
  // Euler's step is that of the first-order predictor: both follow the line through latent and data prediction.
  const UniPcWeights weights =
      unipc_predictor(sigma(from), sigma(to), has_history ? std::optional(sigma(previous)) : std::nullopt);
  const int predictions = steps() + 1;
  std::vector<GramTerm> terms = {{from, weights.latent}, {predictions + from, weights.current}, {to, -1.0}};
  if (has_history) terms.push_back({predictions + previous, weights.previous});
  return terms;
}

double JumpErrors::error(int previous, int from, int to) const { return gram_.rms(terms(previous, from, to)); }

std::vector<double> JumpErrors::errors_of(std::span<const int> nodes) const { return errors_of(nodes, -1); }

std::vector<double> JumpErrors::errors_of(std::span<const int> nodes, int prompt) const {
  std::vector<double> errors;
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    const int to = k + 1 < nodes.size() ? nodes[k + 1] : steps();
    errors.push_back(gram_.rms(terms(k == 0 ? -1 : nodes[k - 1], nodes[k], to), prompt));
  }
  return errors;
}

std::string_view criterion_name(JumpCriterion criterion) {
  switch (criterion) {
    case JumpCriterion::kSum:
      return "sum";
    case JumpCriterion::kSquares:
      return "q2";
    case JumpCriterion::kFourthPowers:
      return "q4";
    case JumpCriterion::kMinimax:
      break;
  }
  return "minimax";
}

MoveTable jump_moves(const JumpErrors& errors, const JumpOptions& options) {
  return {errors.steps(), options.max_gap, [&](int previous, int from, int to) {
            const double weight =
                options.amplification.empty() ? 1 : options.amplification.at(static_cast<std::size_t>(to));
            return weight * errors.error(previous, from, to);
          }};
}

std::vector<int> plan_jumps(const MoveTable& moves, const StepGoal& goal, JumpCriterion criterion) {
  switch (criterion) {
    case JumpCriterion::kSum:
      return best_step_path<ErrorSum<1>>(moves, goal);
    case JumpCriterion::kSquares:
      return best_step_path<ErrorSum<2>>(moves, goal);
    case JumpCriterion::kFourthPowers:
      return best_step_path<ErrorSum<4>>(moves, goal);
    case JumpCriterion::kMinimax:
      break;
  }
  return best_step_path<SortedErrors>(moves, goal);
}

std::vector<JumpCandidate> rank_jumps(const MoveTable& moves, const StepGoal& goal,
                                      const std::function<double(const std::vector<int>&)>& measure) {
  std::vector<JumpCandidate> candidates;
  for (const JumpCriterion criterion : kJumpCriteria) {
    std::vector<int> nodes = plan_jumps(moves, goal, criterion);
    const auto same = std::ranges::find(candidates, nodes, &JumpCandidate::nodes);
    if (same != candidates.end()) {
      same->criteria.push_back(criterion);
    } else {
      candidates.push_back({{criterion}, std::move(nodes)});
    }
  }
  for (JumpCandidate& candidate : candidates) {
    const double error = measure(candidate.nodes);
    candidate.measured = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
  }
  std::ranges::stable_sort(candidates, {}, &JumpCandidate::measured);
  return candidates;
}

}  // namespace ditto
