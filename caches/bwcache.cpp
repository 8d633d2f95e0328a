#include "caches/bwcache.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <ATen/ops/cat.h>

#include <fmt/format.h>

#include "caches/missed_refresh.h"
#include "caches/number_list.h"
#include "caches/refusal.h"
#include "caches/settled_option.h"
#include "caches/unit_kinds.h"
#include "kernels/change_metrics.h"

namespace ditto {
namespace {

std::string output_name(int block) { return fmt::format("output of block {} at the last computed step", block); }

std::vector<int> half_of_blocks(int count) {
  std::vector<int> blocks;
  for (int block = 1; block < count; block += 2) blocks.push_back(block);
  if (blocks.empty() || blocks.back() != count - 1) blocks.push_back(count - 1);
  return blocks;
}

std::vector<int> all_blocks(int count) {
  std::vector<int> blocks;
  for (int block = 0; block < count; ++block) blocks.push_back(block);
  return blocks;
}

/// Blocks whose change is measured, ascending.
std::vector<int> indicator_blocks(const std::string& choice, int count) {
  if (choice == "half") return half_of_blocks(count);
  if (choice == "all") return all_blocks(count);
  const std::string option = "bwcache:indicator_blocks";
  const std::string accepted = fmt::format("all, half, or blocks from 0 to {} written 1/3/5", count - 1);
  std::vector<int> blocks;
  for (const double number : parse_numbers(choice, option, accepted)) {
    if (!(number >= 0 && number < count) || number != std::floor(number)) {
      refuse_option(option, fmt::format("there is no block {}", number), accepted);
    }
    blocks.push_back(static_cast<int>(number));
  }
  std::ranges::sort(blocks);
  blocks.erase(std::ranges::unique(blocks).begin(), blocks.end());
  return blocks;
}

/// Last step, counted from 1, that may be reused when the trigger came at step `trigger` of `count`.
int window_end(const std::string& tail_rule, int trigger, int count) {
  if (tail_rule == "k_half") return count - trigger / 2;
  if (tail_rule == "half_remaining") return trigger + (count - trigger) / 2;
  return count;
}

/// Sums of absolute values, kept on their device until the decision, so that a step costs one transfer.
struct Changes {
  std::vector<at::Tensor> sums;
  bool incomplete = false;  ///< some output had nothing to compare with

  void add(const at::Tensor& now, const at::Tensor& before, KernelMode mode) {
    const kernels::TensorPair pair{now, before};
    sums.push_back(kernels::l1_sums({&pair, 1}, mode));
  }

  /// Mean of the ratios. A state that was and stays 0 has not changed.
  double mean() const {
    if (incomplete) return std::numeric_limits<double>::quiet_NaN();
    const at::Tensor table = at::cat(sums).cpu();
    const auto by_output = table.accessor<double, 2>();
    double total = 0;
    for (std::int64_t i = 0; i < by_output.size(0); ++i) {
      if (by_output[i][0] != 0 || by_output[i][1] != 0) total += by_output[i][0] / by_output[i][1];
    }
    return total / static_cast<double>(by_output.size(0));
  }
};

class BwCache : public CachePolicy {
 public:
  explicit BwCache(const PolicyOptions& options)
      : threshold_(options.number("threshold")),
        max_reuse_(options.integer_or("max_reuse", 0)),
        tail_rule_(options.text("tail_rule")),
        form_(options.text("reuse") == "state" ? FeatureForm::kState : FeatureForm::kDelta),
        indicator_(options.text("indicator_blocks")),
        retest_(options.flag("retest_on_refresh")) {}

  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override {
    const int steps = static_cast<int>(schedule.size());
    // The paper measures all blocks, or half of them where attention mixes all tokens.
    if (indicator_ == kAutomatic) indicator_ = has_factorised_attention(topology) ? "all" : "half";
    blocks_ = indicator_blocks(indicator_, topology.block_count());
    if (max_reuse_ == 0) max_reuse_ = std::max(1, static_cast<int>(std::lround(0.1 * steps)));
    constexpr int kFewestSteps = 4;
    if (threshold_ <= 0 || steps < kFewestSteps) return {};
    Plan plan{.sites = {unit_site(topology, 0, topology.unit_count(), form_)}};
    for (const int block : blocks_) {
      // After the last block the state is at hand in observe().
      if (block != topology.block_count() - 1) plan.probes.push_back(Probe{topology.block_end(block) - 1});
    }
    probe_count_ = plan.probes.size();
    plan.remembered_states = static_cast<double>(blocks_.size());
    return plan;
  }

  Decision decide(const DecisionPoint& point) override {
    if (judged_ != point.step.index) judge(point.step);
    if (trigger_ == point.step.index && !retest_) forget(point);
    const int number = point.step.index + 1;
    if (window_end_ && number > *window_end_) return Decision::recompute("tail", change_);
    if (trigger_) {
      const bool refreshes = (number - *trigger_) % (max_reuse_ + 1) == 0;
      if (refreshes) return Decision::recompute("refresh", change_);
      if (missed(point, computed_)) return Decision::recompute(kMissedRefresh, change_);
      return Decision::reuse("blocks changed little", change_);
    }
    if (number <= 2) return Decision::recompute("no change known yet");
    if (!point.evidence.recall(output_name(blocks_.front())).defined()) {
      return Decision::recompute("no outputs to compare with", change_);
    }
    return Decision::recompute("blocks change", change_);
  }

  void observe(const DecisionPoint& point, const Feature&, const Feature*) override {
    computed_ = point.step.index;
    // Beyond the window a change has no say any more.
    const bool is_late = window_end_ && point.step.index + 1 >= *window_end_;
    if (is_late || (trigger_ && !retest_)) return;
    if (measured_ != point.step.index) changes_ = {};
    measured_ = point.step.index;
    for (std::size_t i = 0; i < blocks_.size(); ++i) measure(point, i);
  }

  std::vector<SettledOption> settled_options() const override {
    const bool compares = threshold_ > 0;
    return {settled("max_reuse", max_reuse_, compares), settled("indicator_blocks", indicator_, compares)};
  }

 private:
  /// Compares the output of an indicator block with that of the last computed step, and keeps it.
  void measure(const DecisionPoint& point, std::size_t i) {
    const std::string name = output_name(blocks_[i]);
    const at::Tensor probe = i < probe_count_ ? point.evidence.probe(static_cast<int>(i)) : point.evidence.hidden();
    const at::Tensor before = point.evidence.recall(name);
    // Another policy may have reused the blocks in between, so that there is nothing to look at.
    if (probe.defined() && before.defined()) {
      changes_.add(probe, before, point.kernels);
    } else {
      changes_.incomplete = true;
    }
    point.evidence.remember(name, probe);
  }

  /// In the step after the trigger: outputs are not compared any more.
  void forget(const DecisionPoint& point) const {
    for (const int block : blocks_) point.evidence.remember(output_name(block), {});
  }

  /// Draws the conclusion from what was measured in the step before, once every branch has been seen.
  void judge(const StepInfo& step) {
    judged_ = step.index;
    change_.reset();
    if (measured_ != step.index - 1 || step.index < 2) return;
    change_ = changes_.mean();
    // Written so that a NaN computes.
    if (!(*change_ < threshold_)) {
      trigger_.reset();
    } else if (!trigger_) {
      trigger_ = step.index;
      if (!window_end_) window_end_ = window_end(tail_rule_, *trigger_, step.count);
    }
  }

  double threshold_;
  int max_reuse_;  ///< 0 until it is settled
  std::string tail_rule_;
  FeatureForm form_;
  std::string indicator_;
  bool retest_;
  std::vector<int> blocks_;
  std::size_t probe_count_ = 0;

  Changes changes_;  ///< of all branches in the computed step `measured_`
  int measured_ = -1;
  int computed_ = -1;              ///< last step computed in any branch
  int judged_ = -1;                ///< step for which the conclusion was drawn
  std::optional<double> change_;   ///< mean relative change in the step before, when it was measured
  std::optional<int> trigger_;     ///< step, counted from 1, from which reuse is counted
  std::optional<int> window_end_;  ///< last step, counted from 1, that may be reused: fixed by the first trigger
};

}  // namespace

PolicyEntry bwcache_entry() {
  return {
      .name = "bwcache",
      .help = "once the outputs of the blocks change little, reuse the state after the last one, with refreshes",
      .disabled = "threshold=0",
      .decides_jointly = true,
      .options = {{.name = "threshold",
                   .type = OptionType::kNumber,
                   .default_value = "0.15",
                   .help = "mean relative change of the blocks' outputs below which reuse begins"},
                  {.name = "max_reuse",
                   .type = OptionType::kInteger,
                   .default_value = kAutomatic,
                   .help = "steps reused between two computed ones; auto: a tenth of the steps",
                   .minimum = 1},
                  {.name = "tail_rule",
                   .type = OptionType::kText,
                   .default_value = "k_half",
                   .help = "what is computed at the end when reuse began at step k: the last k/2 steps, half of the "
                           "remaining steps, or nothing",
                   .choices = {"k_half", "half_remaining", "none"}},
                  {.name = "reuse",
                   .type = OptionType::kText,
                   .default_value = "state",
                   .help = "what is reused: the state after the last block, or the change made by all blocks",
                   .choices = {"state", "delta"}},
                  {.name = "indicator_blocks",
                   .type = OptionType::kText,
                   .default_value = kAutomatic,
                   .help = "blocks whose change is measured: all, half, or a list 1/3/5; auto: half, or all where "
                           "attention is spatial and temporal in turn"},
                  {.name = "retest_on_refresh",
                   .type = OptionType::kFlag,
                   .default_value = "false",
                   .help = "measure at refreshes too, and stop reusing when the change is no longer small"}},
      .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
        return std::make_unique<BwCache>(options);
      }};
}

}  // namespace ditto
