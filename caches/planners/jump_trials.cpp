#include "caches/planners/jump_trials.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ditto {
namespace {

constexpr double kWorthRunning = 1.25;  // predicted error of a neighbour, in that of the best plan so far

bool is_possible(const std::vector<int>& nodes, const JumpLimits& limits) {
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    const int to = k + 1 < nodes.size() ? nodes[k + 1] : limits.steps;
    if (to <= nodes[k] || to - nodes[k] > limits.max_gap || !limits.goal.allows(nodes[k], to, limits.steps)) {
      return false;
    }
  }
  return true;
}

/// Possible and impossible plans one change away; step 0 stays.
std::vector<std::vector<int>> neighbours(const std::vector<int>& nodes, int steps) {
  std::vector<std::vector<int>> all;
  for (std::size_t length = 1; length < nodes.size(); ++length) {
    for (std::size_t first = 1; first + length <= nodes.size(); ++first) {
      for (const int move : {1, -1}) {
        all.push_back(nodes);
        for (std::size_t k = first; k < first + length; ++k) all.back()[k] += move;
      }
    }
  }
  for (std::size_t k = 1; k < nodes.size(); ++k) {
    for (int step = 1; step < steps; ++step) {
      all.push_back(nodes);
      all.back()[k] = step;
      std::ranges::sort(all.back());
    }
  }
  return all;
}

bool improves(const std::vector<int>& other, const std::vector<int>& nodes, JumpTrials& trials) {
  const auto is_better = [&](int prompts) { return trials.error(other, prompts) < trials.error(nodes, prompts); };
  const int prompts = trials.prompts();
  return is_better((prompts + 11) / 12) && is_better((prompts + 3) / 4) && is_better(prompts);
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

std::vector<int> refine_jumps(std::vector<int> nodes, const JumpLimits& limits, int rounds, JumpTrials& trials) {
  bool improved = true;
  for (int round = 0; round < rounds && improved; ++round) {
    improved = false;
    std::vector<std::vector<int>> others = neighbours(nodes, limits.steps);
    for (std::size_t k = 0; k < others.size(); ++k) {
      if (!is_possible(others[k], limits)) continue;
      if (limits.predicted(others[k]) > kWorthRunning * limits.predicted(nodes)) continue;
      if (!improves(others[k], nodes, trials)) continue;
      nodes = std::move(others[k]);
      others = neighbours(nodes, limits.steps);
      improved = true;
    }
  }
  return nodes;
}

}  // namespace ditto
