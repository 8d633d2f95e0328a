#include "caches/planners/jump_trials.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ditto {
namespace {

bool is_possible(const std::vector<int>& nodes, int steps, int max_gap, const StepGoal& goal) {
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    const int to = k + 1 < nodes.size() ? nodes[k + 1] : steps;
    if (to <= nodes[k] || to - nodes[k] > max_gap || !goal.allows(nodes[k], to, steps)) return false;
  }
  return true;
}

}  // namespace

JumpTrials::JumpTrials(int prompts, Run error) : prompts_(prompts), run_(std::move(error)) {}

double JumpTrials::error(const std::vector<int>& nodes, int prompts) {
  std::vector<double>& known = logarithms_[nodes];
  for (int prompt = static_cast<int>(known.size()); prompt < prompts; ++prompt) {
    const double error = run_(nodes, prompt);
    known.push_back(std::isnan(error) ? std::numeric_limits<double>::infinity() : std::log(error));
  }
  double sum = 0;
  for (int prompt = 0; prompt < prompts; ++prompt) sum += known[static_cast<std::size_t>(prompt)];
  return std::isnan(sum) ? std::numeric_limits<double>::infinity() : std::exp(sum / prompts);
}

std::vector<JumpCandidate> rank_jumps(const JumpErrors& errors, int max_gap, const StepGoal& goal,
                                      const std::vector<JumpRule>& rules, JumpTrials& trials) {
  std::vector<JumpCandidate> candidates;
  for (const JumpRule& rule : rules) {
    std::vector<int> nodes = plan_jumps(errors, max_gap, goal, rule);
    const auto same = std::ranges::find(candidates, nodes, &JumpCandidate::nodes);
    if (same != candidates.end()) {
      same->rules.push_back(rule);
    } else {
      candidates.push_back({{rule}, std::move(nodes)});
    }
  }
  for (JumpCandidate& candidate : candidates) candidate.measured = trials.error(candidate.nodes);
  std::ranges::stable_sort(candidates, {}, &JumpCandidate::measured);
  return candidates;
}

std::vector<int> refine_jumps(std::vector<int> nodes, int steps, int max_gap, const StepGoal& goal, int rounds,
                              JumpTrials& trials) {
  const int first_prompts = (trials.prompts() + 3) / 4;
  const auto improves = [&](const std::vector<int>& other) {
    return trials.error(other, first_prompts) < trials.error(nodes, first_prompts) &&
           trials.error(other) < trials.error(nodes);
  };
  bool improved = true;
  for (int round = 0; round < rounds && improved; ++round) {
    improved = false;
    for (std::size_t k = 1; k < nodes.size(); ++k) {
      for (const int move : {1, -1}) {
        std::vector<int> other = nodes;
        other[k] += move;
        if (!is_possible(other, steps, max_gap, goal) || !improves(other)) continue;
        nodes = std::move(other);
        improved = true;
      }
    }
  }
  return nodes;
}

}  // namespace ditto
