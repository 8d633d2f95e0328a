#include "caches/planners/jumps.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "caches/planners/path_cost.h"
#include "caches/planners/step_path.h"
#include "solvers/unipc_weights.h"

namespace ditto {
namespace {

// What rounding leaves of an error of 0 in the products of latents of size 1: no prompt is better than this.
constexpr double kSmallestError = 1e-8;

}  // namespace

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

double JumpErrors::error(int previous, int from, int to, PromptAverage average) const {
  const std::vector<GramTerm> move = terms(previous, from, to);
  if (average == PromptAverage::kRms) return gram_.rms(move);
  double logarithms = 0;
  for (int prompt = 0; prompt < prompts(); ++prompt) {
    logarithms += std::log(std::max(gram_.rms(move, prompt), kSmallestError));
  }
  return std::exp(logarithms / prompts());
}

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

std::string_view average_name(PromptAverage average) { return average == PromptAverage::kRms ? "rms" : "geometric"; }

std::vector<double> early_emphasis(int steps, double emphasis) {
  std::vector<double> weights;
  for (int node = 0; node <= steps; ++node) weights.push_back(std::exp(-emphasis * node / steps));
  return weights;
}

MoveTable jump_moves(const JumpErrors& errors, const JumpOptions& options) {
  return {errors.steps(), options.max_gap, [&](int previous, int from, int to) {
            const double weight =
                options.amplification.empty() ? 1 : options.amplification.at(static_cast<std::size_t>(to));
            return weight * errors.error(previous, from, to, options.average);
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

std::string JumpRule::name() const {
  return fmt::format("{}/{}/{}", criterion_name(criterion), average_name(average), emphasis);
}

std::string JumpRule::options() const {
  return fmt::format("criterion={},average={},emphasis={}", criterion_name(criterion), average_name(average), emphasis);
}

std::vector<int> plan_jumps(const JumpErrors& errors, int max_gap, const StepGoal& goal, const JumpRule& rule) {
  const MoveTable moves = jump_moves(
      errors,
      {.max_gap = max_gap, .average = rule.average, .amplification = early_emphasis(errors.steps(), rule.emphasis)});
  return plan_jumps(moves, goal, rule.criterion);
}

}  // namespace ditto
