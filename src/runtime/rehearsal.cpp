#include "runtime/rehearsal.h"

#include <exception>

#include "runtime/blending.h"
#include "runtime/site_tree.h"

namespace ditto {
namespace {

/// Shows nothing, and notes that something was looked for.
class NoEvidence : public Evidence {
 public:
  at::Tensor hidden() const override { return look(); }
  at::Tensor probe(int) const override { return look(); }
  at::Tensor signal(Signal) const override { return look(); }
  at::Tensor recall(const std::string&) const override { return look(); }
  bool remember(const std::string&, const at::Tensor&) override { return look().defined(); }
  bool looked() const { return looked_; }

 private:
  at::Tensor look() const {
    looked_ = true;
    return {};
  }
  mutable bool looked_ = false;
};

/// Whether a blend at `outer`, which is asked first, leaves nothing to ask at `inner`.
bool is_inside(const Site& inner, const Site& outer) {
  return outer.scope == Scope::kPrediction ||
         (inner.scope == Scope::kUnits && outer.begin <= inner.begin && inner.end <= outer.end);
}

bool is_blended(char letter) { return letter == 'R' || letter == 'F'; }

class Rehearsal {
 public:
  Rehearsal(CachePolicy& policy, const Plan& plan, std::span<const Branch> branches) : policy_(policy), plan_(plan) {
    for (std::size_t site = 0; site < plan.sites.size(); ++site) {
      if (plan.sites[site].scope == Scope::kPrediction) order_.push_back(site);
    }
    for (const int site : asking_order(plan)) order_.push_back(static_cast<std::size_t>(site));
    for (const Branch branch : branches) {
      for (std::size_t site = 0; site < plan.sites.size(); ++site) {
        sites_.push_back({static_cast<int>(site), branch, ""});
        snapshots_.emplace_back();
      }
    }
  }

  void step(const StepInfo& step) {
    for (std::size_t first = 0; first < sites_.size(); first += plan_.sites.size()) {
      for (const std::size_t site : order_) sites_[first + site].pattern += letter(first, site, step);
      for (std::size_t site = 0; site < plan_.sites.size(); ++site) {
        if (is_stored(first, site)) store(first + site, step);
      }
    }
  }

  std::vector<RehearsedSite> result() && { return std::move(sites_); }

 private:
  const Site& site_of(std::size_t site) const { return plan_.sites[site]; }

  char letter(std::size_t first, std::size_t site, const StepInfo& step) {
    const bool is_reference = sites_[first + site].branch == Branch::kConditional;
    if (site_of(site).form == FeatureForm::kBranchDelta && is_reference) return '-';
    if (looked_) return '?';
    for (std::size_t other = 0; other < plan_.sites.size(); ++other) {
      const std::string& pattern = sites_[first + other].pattern;
      const bool decided = static_cast<int>(pattern.size()) == step.index + 1;
      if (other != site && decided && is_inside(site_of(site), site_of(other)) && is_blended(pattern.back()))
        return '-';
    }
    return ask(first + site, step);
  }

  char ask(std::size_t index, const StepInfo& step) {
    const std::vector<Snapshot>& snapshots = snapshots_[index];
    NoEvidence evidence;
    const at::Tensor latent;
    const DecisionPoint point{step, sites_[index].branch, sites_[index].site, snapshots, latent, evidence};
    Decision decision;
    try {
      decision = policy_.decide(point);
    } catch (const std::exception&) {
      looked_ = true;  // it computed with a feature that is not there
    }
    looked_ = looked_ || evidence.looked();
    if (looked_) return '?';
    const Site& site = site_of(static_cast<std::size_t>(sites_[index].site));
    if (decision.action != Action::kBlend || !blend_obstacle(site, decision, snapshots, false).empty()) return 'C';
    return decision.weights.size() == 1 && decision.weights.front() == 1.0F ? 'R' : 'F';
  }

  /// Whether the step leaves a snapshot: a prediction is stored when it was computed, a branch delta when both were.
  bool is_stored(std::size_t first, std::size_t site) const {
    if (sites_[first + site].pattern.back() != 'C') return false;
    if (site_of(site).scope == Scope::kUnits) return true;
    return !predicts_by_blend(first) && (site_of(site).form != FeatureForm::kBranchDelta || !predicts_by_blend(0));
  }

  bool predicts_by_blend(std::size_t first) const {
    for (std::size_t site = 0; site < plan_.sites.size(); ++site) {
      if (site_of(site).scope == Scope::kPrediction && is_blended(sites_[first + site].pattern.back())) return true;
    }
    return false;
  }

  void store(std::size_t index, const StepInfo& step) {
    std::vector<Snapshot>& snapshots = snapshots_[index];
    snapshots.insert(snapshots.begin(), Snapshot{step.index, step.node, step.sigma, {}});
    const int keep = site_of(static_cast<std::size_t>(sites_[index].site)).keep;
    if (static_cast<int>(snapshots.size()) > keep) snapshots.pop_back();
  }

  CachePolicy& policy_;
  const Plan& plan_;
  std::vector<std::size_t> order_;
  std::vector<RehearsedSite> sites_;              ///< by branch, then site
  std::vector<std::vector<Snapshot>> snapshots_;  ///< of the same
  bool looked_ = false;                           ///< at a feature: whatever follows may depend on it
};

}  // namespace

std::vector<RehearsedSite> rehearse(CachePolicy& policy, const Plan& plan, std::span<const StepInfo> schedule,
                                    std::span<const Branch> branches) {
  Rehearsal rehearsal(policy, plan, branches);
  for (const StepInfo& step : schedule) rehearsal.step(step);
  return std::move(rehearsal).result();
}

UnitBounds count_units(std::span<const RehearsedSite> rehearsed, const Plan& plan, int unit_count, int step_count,
                       std::span<const Branch> branches) {
  UnitBounds bounds;
  for (const Branch branch : branches) {
    for (int step = 0; step < step_count; ++step) {
      // Of every unit: whether some site over it is reused, or may be.
      std::vector<bool> reused(static_cast<std::size_t>(unit_count)), open(static_cast<std::size_t>(unit_count));
      for (const RehearsedSite& site : rehearsed) {
        if (site.branch != branch) continue;
        const Site& where = plan.sites[static_cast<std::size_t>(site.site)];
        const bool whole = where.scope == Scope::kPrediction;
        const char letter = site.pattern[static_cast<std::size_t>(step)];
        for (int unit = whole ? 0 : where.begin; unit < (whole ? unit_count : where.end); ++unit) {
          if (is_blended(letter)) reused[static_cast<std::size_t>(unit)] = true;
          if (letter == '?') open[static_cast<std::size_t>(unit)] = true;
        }
      }
      for (int unit = 0; unit < unit_count; ++unit) {
        if (reused[static_cast<std::size_t>(unit)]) continue;
        ++bounds.most;
        if (!open[static_cast<std::size_t>(unit)]) ++bounds.least;
      }
    }
  }
  return bounds;
}

}  // namespace ditto
