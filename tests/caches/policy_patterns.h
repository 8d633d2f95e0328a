#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "policy_run.h"
#include "runtime/rehearsal.h"

namespace ditto::test {

/// A model's topology: blocks of the given kinds of units, in turn.
inline Topology topology_of(const std::vector<std::vector<std::string>>& kinds_by_block, int blocks,
                            const std::string& name = "unlisted") {
  Topology topology;
  topology.identity = {name, "feed"};
  topology.channels = 4;
  for (int block = 0; block < blocks; ++block) {
    for (const std::string& kind : kinds_by_block[static_cast<std::size_t>(block) % kinds_by_block.size()]) {
      topology.units.push_back({"blocks." + std::to_string(block) + "." + kind, kind, block});
    }
  }
  return topology;
}

/// Blocks of three units, as most models have them.
inline Topology plain_topology(int blocks = 2, const std::string& name = "unlisted") {
  return topology_of({{"self_attention", "cross_attention", "feed_forward"}}, blocks, name);
}

/// What a policy that needs no features decides in a run over even noise levels.
class Patterns {
 public:
  Patterns(const std::string& specification, const Topology& topology, int steps,
           const std::vector<Branch>& branches = kTwoBranches) {
    const std::unique_ptr<CachePolicy> policy = factory_of({specification})();
    policy->begin(topology, run_info(steps, branches));
    const std::vector<StepInfo> schedule = even_schedule(steps);
    plan_ = policy->plan(topology, schedule);
    validate(plan_, topology);
    sites_ = rehearse(*policy, plan_, schedule, branches);
  }

  const Plan& plan() const { return plan_; }

  /// One letter per step; empty when the policy has no such site.
  std::string of(std::string_view site, Branch branch = Branch::kConditional) const {
    for (const RehearsedSite& rehearsed : sites_) {
      const Site& asked = plan_.sites[static_cast<std::size_t>(rehearsed.site)];
      if (asked.name == site && rehearsed.branch == branch) return rehearsed.pattern;
    }
    return "";
  }

 private:
  Plan plan_;
  std::vector<RehearsedSite> sites_;
};

/// The message with which a policy refuses its options or its run; empty when it does not.
inline std::string refusal_of(const std::string& specification, const Topology& topology, int steps,
                              const std::vector<Branch>& branches = kTwoBranches) {
  return refusal_of(specification, topology, run_info(steps, branches));
}

inline void expect_refusal(const std::string& message, const std::string& expected) {
  EXPECT_NE(message.find(expected), std::string::npos) << "expected: " << expected << "\n     got: " << message;
}

}  // namespace ditto::test
