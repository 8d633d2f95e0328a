#include "caches/firstblock.h"

#include <map>
#include <optional>

#include <ATen/TensorOperators.h>
#include <ATen/ops/slice.h>

#include <fmt/format.h>

#include "caches/block_range.h"
#include "caches/branch_choice.h"
#include "caches/change.h"
#include "caches/forecast_policy.h"
#include "caches/forecasters/taylor.h"
#include "caches/refusal.h"
#include "caches/settled_option.h"
#include "caches/step_window.h"

namespace ditto {
namespace {

constexpr const char* kHeadDelta = "change made by the first blocks at the last computed step";

class FirstBlock : public CachePolicy {
 public:
  explicit FirstBlock(const PolicyOptions& options)
      : threshold_(options.number("threshold")),
        unconditional_threshold_(options.number_or("unconditional_threshold", threshold_)),
        first_blocks_(options.integer("first_blocks")),
        last_blocks_(options.integer("last_blocks")),
        downsample_(options.integer("downsample")),
        order_(options.integer("order")),
        branch_(options),
        unconditional_given_(!options.is_automatic("unconditional_threshold")),
        window_(step_window(options)) {
    if (branch_.conditional_decides()) {
      refuse_without_effect(options, "firstblock", "unconditional_threshold", "beside branch=conditional");
    }
  }

  void begin(const Topology&, const RunInfo& run) override {
    judges_unconditional_ = run.branches.size() > 1 && !branch_.conditional_decides();
    if (run.branches.size() == 1 && unconditional_given_) {
      refuse_option("firstblock:unconditional_threshold", "has no effect in a run of one branch", "leaving it out");
    }
    if (run.branches.size() == 1 && branch_.conditional_decides()) {
      refuse_option("firstblock:branch", "has no effect in a run of one branch", "leaving it out");
    }
  }

  Plan plan(const Topology& topology, std::span<const StepInfo>) override {
    const Site rest = block_range_site(topology, "firstblock", first_blocks_, last_blocks_, order_ + 1);
    if (downsample_ > topology.channels) {
      refuse_option("firstblock:downsample", fmt::format("{} leaves nothing to compare", downsample_),
                    fmt::format("1 to the model's {} channels", topology.channels));
    }
    if (threshold_ <= 0 && unconditional_threshold_ <= 0) return {};
    return {.sites = {rest}, .probes = {Probe{-1}}, .remembered_states = compared_share(topology.channels)};
  }

  Decision decide(const DecisionPoint& point) override {
    Decision decision = branch_.decide(point, [&](const DecisionPoint& asked) { return judge(asked); });
    if (decision.action == Action::kBlend) {
      decision.weights = weights(point);
      if (!point.snapshots.empty()) head_delta_.erase(point.branch);
    }
    return decision;
  }

  void observe(const DecisionPoint& point, const Feature&, const Feature*) override {
    if (!head_delta_.contains(point.branch)) return;
    point.evidence.remember(kHeadDelta, head_delta_[point.branch]);
    head_delta_.erase(point.branch);
  }

  std::vector<SettledOption> settled_options() const override {
    return {settled("unconditional_threshold", unconditional_threshold_, judges_unconditional_)};
  }

 private:
  /// Share of the channels that is compared and remembered.
  double compared_share(int channels) const {
    return static_cast<double>((channels + downsample_ - 1) / downsample_) / channels;
  }

  Decision judge(const DecisionPoint& point) {
    const at::Tensor change_made = point.evidence.hidden() - point.evidence.probe(0);
    at::Tensor& head_delta = head_delta_[point.branch];
    head_delta = downsample_ == 1 ? change_made : at::slice(change_made, -1, 0, {}, downsample_);
    if (window_.must_compute(point.step)) return Decision::recompute("window");
    const double threshold = point.branch == Branch::kConditional ? threshold_ : unconditional_threshold_;
    if (threshold <= 0) return Decision::recompute("threshold 0");
    const at::Tensor computed = point.evidence.recall(kHeadDelta);
    if (!computed.defined()) return Decision::recompute("no head to compare with");
    const std::optional<double> change = relative_change(head_delta, computed, point.kernels);
    if (!change) return Decision::recompute("no measure of change");
    // Equality reuses, as in diffusers.
    if (*change <= threshold) return Decision::reuse("head changed little", change);
    return Decision::recompute("head changed", change);
  }

  /// Plain reuse, or a line through the last two computed changes.
  std::vector<float> weights(const DecisionPoint& point) const {
    if (point.snapshots.empty()) return {1.0F};  // the engine recomputes
    return TaylorForecaster(order_).weights(indices_of(point.snapshots), point.step.index);
  }

  double threshold_;
  double unconditional_threshold_;
  int first_blocks_;
  int last_blocks_;
  int downsample_;
  int order_;
  BranchChoice branch_;
  bool unconditional_given_;
  bool judges_unconditional_ = false;  ///< from its own features
  StepWindow window_;
  std::map<Branch, at::Tensor> head_delta_;  ///< from decide() to observe() of one step
};

std::vector<OptionSpec> options() {
  return {{.name = "threshold",
           .type = OptionType::kNumber,
           .default_value = "0.08",
           .help = "largest relative change of the first blocks' change that is reused"},
          {.name = "unconditional_threshold",
           .type = OptionType::kNumber,
           .default_value = kAutomatic,
           .help = "the same for the unconditional branch; auto: equal to threshold"},
          branch_option(),
          {.name = "first_blocks",
           .type = OptionType::kInteger,
           .default_value = "1",
           .help = "blocks at the start that always run",
           .minimum = 1},
          {.name = "last_blocks",
           .type = OptionType::kInteger,
           .default_value = "0",
           .help = "blocks at the end that always run"},
          {.name = "downsample",
           .type = OptionType::kInteger,
           .default_value = "1",
           .help = "every n-th channel is compared",
           .minimum = 1},
          {.name = "order",
           .type = OptionType::kInteger,
           .default_value = "0",
           .help = "0 reuses the last computed change, 1 extrapolates the last two",
           .maximum = 1},
          first_option("1"),
          last_option("0")};
}

}  // namespace

PolicyEntry firstblock_entry() {
  return {.name = "firstblock",
          .help = "compute the first blocks, reuse the change made by the rest while the first changed little",
          .disabled = "threshold=0",
          .example = "threshold=0.3",
          .options = options(),
          .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
            return std::make_unique<FirstBlock>(options);
          }};
}

}  // namespace ditto
