#include "core/stacked_policy.h"

namespace ditto {
namespace {

/// Shifts probe indices from a policy's own plan to the joined one.
class ShiftedEvidence : public Evidence {
 public:
  ShiftedEvidence(Evidence& joined, int first_probe) : joined_(joined), first_probe_(first_probe) {}
  at::Tensor hidden() const override { return joined_.hidden(); }
  at::Tensor probe(int index) const override { return joined_.probe(first_probe_ + index); }
  at::Tensor signal(Signal signal) const override { return joined_.signal(signal); }
  at::Tensor recall(const std::string& name) const override { return joined_.recall(name); }
  bool remember(const std::string& name, const at::Tensor& tensor) override { return joined_.remember(name, tensor); }

 private:
  Evidence& joined_;
  int first_probe_;
};

/// A question about the joined plan as the policy that owns the site is asked it.
struct OwnQuestion {
  ShiftedEvidence evidence;
  DecisionPoint point;

  OwnQuestion(const DecisionPoint& joined, int site, int first_probe)
      : evidence(joined.evidence, first_probe), point{joined.step,   joined.branch, site,          joined.snapshots,
                                                      joined.latent, evidence,      joined.kernels} {}
};

}  // namespace

StackedPolicy::StackedPolicy(std::vector<std::unique_ptr<CachePolicy>> policies) : policies_(std::move(policies)) {}

void StackedPolicy::begin(const Topology& topology, const RunInfo& run) {
  for (const auto& policy : policies_) policy->begin(topology, run);
}

Plan StackedPolicy::plan(const Topology& topology, std::span<const StepInfo> schedule) {
  Plan joined;
  for (std::size_t p = 0; p < policies_.size(); ++p) {
    const Plan part = policies_[p]->plan(topology, schedule);
    const int first_probe = static_cast<int>(joined.probes.size());
    for (std::size_t site = 0; site < part.sites.size(); ++site) {
      routes_.push_back({p, static_cast<int>(site), first_probe});
    }
    joined.sites.insert(joined.sites.end(), part.sites.begin(), part.sites.end());
    joined.probes.insert(joined.probes.end(), part.probes.begin(), part.probes.end());
    joined.signals.insert(joined.signals.end(), part.signals.begin(), part.signals.end());
    joined.remembered_states += part.remembered_states;
    joined.remembered_latents += part.remembered_latents;
  }
  return joined;
}

Decision StackedPolicy::decide(const DecisionPoint& point) {
  const Route& route = routes_.at(static_cast<std::size_t>(point.site));
  return policies_[route.policy]->decide(OwnQuestion(point, route.site, route.first_probe).point);
}

void StackedPolicy::observe(const DecisionPoint& point, const Feature& fresh, const Feature* shadow) {
  const Route& route = routes_.at(static_cast<std::size_t>(point.site));
  policies_[route.policy]->observe(OwnQuestion(point, route.site, route.first_probe).point, fresh, shadow);
}

std::vector<std::string> StackedPolicy::warnings() const {
  std::vector<std::string> all;
  for (const auto& policy : policies_) {
    for (std::string& warning : policy->warnings()) all.push_back(std::move(warning));
  }
  return all;
}

std::vector<SettledOption> StackedPolicy::settled_options() const {
  std::vector<SettledOption> all;
  for (std::size_t p = 0; p < policies_.size(); ++p) {
    for (SettledOption& option : policies_[p]->settled_options()) {
      option.policy = p;
      all.push_back(std::move(option));
    }
  }
  return all;
}

StepGrid StackedPolicy::shape_grid(StepGrid grid) const {
  for (const auto& policy : policies_) grid = policy->shape_grid(std::move(grid));
  return grid;
}

}  // namespace ditto
