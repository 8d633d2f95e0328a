#include "runtime/blending.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "kernels/blend.h"

namespace ditto {
namespace {

/// The videos (and texts, of two-stream models) of a blend's terms, for the kernels.
struct BlendTerms {
  std::vector<at::Tensor> video, text;
  kernels::BlendWeights weights;

  explicit BlendTerms(const Blend& blend) : weights{blend.weights, blend.cluster_of_channel} {
    for (const Feature& term : blend.terms) {
      video.push_back(term.video);
      if (term.text.defined()) text.push_back(term.text);
    }
  }
};

/// How many snapshots a decision's weights reach back, or nothing when they are no whole number of snapshots.
std::optional<std::size_t> snapshots_blended(const Site& site, const Decision& decision) {
  if (decision.weights.empty() || decision.weights.size() % site.weights_per_snapshot() != 0) return std::nullopt;
  return decision.weights.size() / site.weights_per_snapshot();
}

}  // namespace

std::string blend_obstacle(const Site& site, const Decision& decision, std::span<const Snapshot> snapshots,
                           bool over_budget) {
  const auto finite = [](float weight) { return std::isfinite(weight); };
  if (snapshots.empty()) return over_budget ? "over the byte budget" : "nothing stored";
  if (snapshots_blended(site, decision).value_or(snapshots.size() + 1) > snapshots.size()) {
    return fmt::format("{} weights for {} snapshots", decision.weights.size(), snapshots.size());
  }
  if (!std::ranges::all_of(decision.weights, finite)) return "weights are not finite";
  if (decision.score && !std::isfinite(*decision.score)) return "score is not finite";
  return {};
}

Blend make_blend(const Site& site, const Decision& decision, std::span<const Snapshot> snapshots,
                 const at::Tensor& cluster_of_channel) {
  Blend blend;
  const int components = site.components();
  for (const Snapshot& snapshot : snapshots.first(*snapshots_blended(site, decision))) {
    if (components == 1) blend.terms.push_back(snapshot.feature);
    for (int c = 0; components > 1 && c < components; ++c) blend.terms.push_back(snapshot.feature.row(c));
  }
  blend.weights = decision.weights;
  blend.cluster_of_channel = cluster_of_channel;
  return blend;
}

Feature evaluate(const Blend& blend, KernelMode mode) {
  const BlendTerms terms(blend);
  return {kernels::weighted_sum(terms.video, terms.weights, mode),
          terms.text.empty() ? at::Tensor() : kernels::weighted_sum(terms.text, terms.weights, mode)};
}

void add_to(const Feature& hidden, const Blend& blend, KernelMode mode) {
  const BlendTerms terms(blend);
  kernels::add_weighted_sum_(hidden.video, terms.video, terms.weights, mode);
  if (!terms.text.empty()) kernels::add_weighted_sum_(hidden.text, terms.text, terms.weights, mode);
}

void assign_to(const Feature& hidden, const Blend& blend, KernelMode mode) {
  const BlendTerms terms(blend);
  kernels::assign_weighted_sum_(hidden.video, terms.video, terms.weights, mode);
  if (!terms.text.empty()) kernels::assign_weighted_sum_(hidden.text, terms.text, terms.weights, mode);
}

}  // namespace ditto
