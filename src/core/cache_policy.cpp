#include "core/cache_policy.h"

namespace ditto {

int DecisionPoint::age() const { return snapshots.empty() ? -1 : step.index - snapshots.front().index; }

Decision Decision::recompute(std::string reason, std::optional<double> score) {
  return {Action::kRecompute, {}, std::move(reason), score, false};
}

Decision Decision::reuse(std::string reason, std::optional<double> score) {
  return {Action::kBlend, {1.0F}, std::move(reason), score, false};
}

Decision Decision::blend(std::vector<float> weights, std::string reason, std::optional<double> score) {
  return {Action::kBlend, std::move(weights), std::move(reason), score, false};
}

void CachePolicy::begin(const Topology&, const RunInfo&) {}

void CachePolicy::observe(const DecisionPoint&, const Feature&, const Feature*) {}

}  // namespace ditto
