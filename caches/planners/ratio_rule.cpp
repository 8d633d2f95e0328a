#include "caches/planners/ratio_rule.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "core/error.h"

namespace ditto {
namespace {

/// What a run of reused steps has gathered since the last computed one.
struct Deviation {
  double product = 1;
  double sum = 0;
  int reused = 0;

  void add(double ratio) {
    product *= ratio;
    sum += std::abs(1 - product);
    ++reused;
  }
};

/// Every threshold at which a schedule may change: what any run of reuses can have gathered.
std::vector<double> possible_deviations(std::span<const double> ratios, int max_reuse) {
  std::set<double> sums = {0};
  for (std::size_t start = 0; start < ratios.size(); ++start) {
    Deviation deviation;
    for (std::size_t i = start; i < ratios.size() && deviation.reused < max_reuse; ++i) {
      deviation.add(ratios[i]);
      if (std::isfinite(deviation.sum)) sums.insert(deviation.sum);
    }
  }
  return {sums.begin(), sums.end()};
}

}  // namespace

std::vector<int> computed_steps(std::span<const double> ratios, const RatioRule& rule) {
  const auto count = static_cast<double>(ratios.size());
  const int retained = static_cast<int>(std::floor(count * rule.retention + (rule.rounds_retention ? 0.5 : 0)));
  std::vector<int> computed;
  Deviation deviation;
  for (int step = 0; step < static_cast<int>(ratios.size()); ++step) {
    bool reuse = false;
    if (step > 0 && step >= retained) {
      deviation.add(ratios[static_cast<std::size_t>(step)]);
      const bool near = rule.inclusive ? deviation.sum <= rule.threshold : deviation.sum < rule.threshold;
      reuse = near && deviation.reused <= rule.max_reuse && std::ranges::find(rule.always, step) == rule.always.end();
    }
    if (reuse) continue;
    deviation = {};
    computed.push_back(step);
  }
  return computed;
}

double largest_deviation(std::span<const double> ratios, std::span<const int> computed) {
  double largest = 0;
  Deviation deviation;
  for (int step = 0; step < static_cast<int>(ratios.size()); ++step) {
    if (std::ranges::find(computed, step) != computed.end()) {
      deviation = {};
    } else {
      deviation.add(ratios[static_cast<std::size_t>(step)]);
      largest = std::max(largest, deviation.sum);
    }
  }
  return largest;
}

RatioRule rule_for_budget(std::span<const double> ratios, RatioRule rule, int compute) {
  const std::vector<double> deviations = possible_deviations(ratios, rule.max_reuse);
  std::set<int> counts;
  for (std::size_t k = 0; k < deviations.size(); ++k) {
    // Halfway to the next possible value, so that rounding elsewhere cannot turn a decision.
    const double next = k + 1 < deviations.size() ? deviations[k + 1] : 2 * deviations[k] + 1;
    rule.threshold = (deviations[k] + next) / 2;
    const int count = static_cast<int>(computed_steps(ratios, rule).size());
    if (count == compute) return rule;
    counts.insert(count);
  }
  throw Error(ExitCode::kUsage,
              fmt::format("--compute: no threshold computes {} of {} steps with max_reuse {} and "
                          "retention {}; accepted: {}",
                          compute, ratios.size(), rule.max_reuse, rule.retention, fmt::join(counts, ", ")));
}

}  // namespace ditto
