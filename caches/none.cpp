#include "caches/none.h"

namespace ditto {
namespace {

class None : public CachePolicy {
 public:
  Plan plan(const Topology&, std::span<const StepInfo>) override { return {}; }
  Decision decide(const DecisionPoint&) override { return Decision::recompute("full compute"); }
};

}  // namespace

PolicyEntry none_entry() {
  return {.name = "none",
          .help = "full compute",
          .disabled = "",
          .options = {},
          .create = [](const PolicyOptions&) -> std::unique_ptr<CachePolicy> { return std::make_unique<None>(); }};
}

}  // namespace ditto
