#include "caches/steps.h"

#include <fmt/format.h>

#include "caches/even_steps.h"
#include "core/error.h"

namespace ditto {
namespace {

class Steps : public CachePolicy {
 public:
  explicit Steps(const PolicyOptions& options) : compute_(options.integer("compute")) {}

  Plan plan(const Topology&, std::span<const StepInfo>) override { return {}; }
  Decision decide(const DecisionPoint&) override { return Decision::recompute("full compute"); }

  StepGrid shape_grid(StepGrid grid) const override {
    if (compute_ == 0 || compute_ == grid.size()) return grid;
    if (compute_ > grid.size()) {
      throw Error(ExitCode::kUsage,
                  fmt::format("--cache: steps:compute: {} is not possible; accepted: 0 to the {} steps "
                              "of the run",
                              compute_, grid.size()));
    }
    StepGrid even;
    for (const int step : even_steps(grid.size(), compute_)) {
      even.nodes.push_back(grid.nodes[static_cast<std::size_t>(step)]);
      even.sigmas.push_back(grid.sigmas[static_cast<std::size_t>(step)]);
    }
    even.sigmas.push_back(grid.sigmas.back());
    return even;
  }

 private:
  int compute_;
};

}  // namespace

PolicyEntry steps_entry() {
  return {.name = "steps",
          .help = "fewer solver steps, evenly spaced on the full grid",
          .disabled = "compute=0",
          .example = "compute=5",
          .options = {{.name = "compute",
                       .type = OptionType::kInteger,
                       .default_value = "25",
                       .help = "steps to visit; 0 visits all"}},
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<Steps>(options);
          }};
}

}  // namespace ditto
