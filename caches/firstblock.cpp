#include "caches/firstblock.h"

#include <map>

#include <ATen/TensorOperators.h>

#include <fmt/format.h>

#include "caches/change.h"
#include "caches/step_window.h"
#include "core/error.h"

namespace ditto {
namespace {

constexpr const char* kHeadDelta = "change made by the first blocks at the last computed step";

class FirstBlock : public CachePolicy {
 public:
  explicit FirstBlock(const PolicyOptions& options)
      : threshold_(options.number("threshold")),
        first_blocks_(options.integer("first_blocks")),
        window_{options.integer("first"), options.integer("last")} {}

  Plan plan(const Topology& topology, std::span<const StepInfo>) override {
    if (first_blocks_ >= topology.block_count()) {
      throw Error(ExitCode::kUsage,
                  fmt::format("--cache: firstblock:first_blocks: {} leaves nothing to reuse; accepted: 1 "
                              "to {}",
                              first_blocks_, topology.block_count() - 1));
    }
    if (threshold_ <= 0) return {};
    const int head_end = topology.block_end(first_blocks_ - 1);
    return {.sites = {unit_site(topology, head_end, topology.unit_count(), FeatureForm::kDelta)},
            .probes = {Probe{-1}},
            .remembered_states = 1};
  }

  Decision decide(const DecisionPoint& point) override {
    at::Tensor& head_delta = head_delta_[point.branch];
    head_delta = point.evidence.hidden() - point.evidence.probe(0);
    if (window_.must_compute(point.step)) return Decision::recompute("window");
    const at::Tensor computed = point.evidence.recall(kHeadDelta);
    if (!computed.defined()) return Decision::recompute("no head to compare with");
    const std::optional<double> change = relative_change(head_delta, computed);
    if (!change) return Decision::recompute("no measure of change");
    // Equality reuses, as in diffusers.
    if (*change <= threshold_) return Decision::reuse("head changed little", change);
    return Decision::recompute("head changed", change);
  }

  void observe(const DecisionPoint& point, const Feature&, const Feature*) override {
    point.evidence.remember(kHeadDelta, head_delta_[point.branch]);
    head_delta_[point.branch].reset();
  }

 private:
  double threshold_;
  int first_blocks_;
  StepWindow window_;
  std::map<Branch, at::Tensor> head_delta_;  ///< from decide() to observe() of one step
};

}  // namespace

PolicyEntry firstblock_entry() {
  return {.name = "firstblock",
          .help = "compute the first blocks, reuse the change made by the rest while the first changed little",
          .disabled = "threshold=0",
          .example = "threshold=0.3",
          .options = {{.name = "threshold",
                       .type = OptionType::kNumber,
                       .default_value = "0.08",
                       .help = "largest relative change of the first blocks' change that is reused"},
                      {.name = "first_blocks",
                       .type = OptionType::kInteger,
                       .default_value = "1",
                       .help = "blocks that always run",
                       .minimum = 1},
                      {.name = "first",
                       .type = OptionType::kInteger,
                       .default_value = "1",
                       .help = "steps always computed at the start"},
                      {.name = "last",
                       .type = OptionType::kInteger,
                       .default_value = "0",
                       .help = "steps always computed at the end"}},
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<FirstBlock>(options);
          }};
}

}  // namespace ditto
