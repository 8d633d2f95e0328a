#pragma once

#include <memory>
#include <vector>

#include "core/cache_policy.h"

namespace ditto {

/// Several policies as one: their plans are joined, each is asked at its own sites only, grids are shaped in order.
class StackedPolicy : public CachePolicy {
 public:
  explicit StackedPolicy(std::vector<std::unique_ptr<CachePolicy>> policies);

  void begin(const Topology& topology, const RunInfo& run) override;
  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override;
  Decision decide(const DecisionPoint& point) override;
  void observe(const DecisionPoint& point, const Feature& fresh, const Feature* shadow) override;
  std::vector<std::string> warnings() const override;
  std::vector<SettledOption> settled_options() const override;
  StepGrid shape_grid(StepGrid grid) const override;

 private:
  struct Route {
    std::size_t policy;
    int site;  ///< index into that policy's own plan
    int first_probe;
  };
  std::vector<std::unique_ptr<CachePolicy>> policies_;
  std::vector<Route> routes_;  ///< by site of the joined plan
};

}  // namespace ditto
