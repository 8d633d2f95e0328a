#include "caches/adacache.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>

#include <fmt/format.h>

#include "caches/adacache_codebook.h"
#include "caches/change.h"
#include "caches/missed_refresh.h"
#include "caches/motion.h"
#include "caches/refusal.h"
#include "caches/settled_option.h"
#include "caches/step_window.h"
#include "caches/unit_kinds.h"

namespace ditto {
namespace {

/// The attention whose change is measured: of the blocks that attend over time, if any do, the middle one.
int middle_block(const Topology& topology) {
  std::vector<int> blocks;
  for (const UnitInfo& unit : topology.units) {
    const bool counts =
        has_factorised_attention(topology) ? is_temporal_attention(unit.kind) : is_self_attention(unit.kind);
    if (counts) blocks.push_back(unit.block);
  }
  return blocks.empty() ? 0 : blocks[(blocks.size() - 1) / 2];
}

/// Index of a block's first attention among the tokens of the video.
int attention_of(const Topology& topology, int block) {
  for (int unit = topology.block_begin(block); unit < topology.block_end(block); ++unit) {
    if (is_self_attention(topology.units[static_cast<std::size_t>(unit)].kind)) return unit;
  }
  refuse_option("adacache", fmt::format("block {} has no self-attention", block), "models whose blocks have one");
}

class AdaCache : public CachePolicy {
 public:
  explicit AdaCache(const PolicyOptions& options)
      : codebook_name_(options.text("codebook")),
        metric_block_(options.integer_or("metric_block", -1)),
        uses_motion_(options.flag("motion")),
        window_(step_window(options)) {}

  void begin(const Topology& topology, const RunInfo& run) override {
    codebook_ = adacache_codebook(codebook_name_, topology.identity);
    if (!uses_motion_) return;
    motion_rule_ = adacache_motion_rule(topology.identity);
    if (run.frames == 1) refuse_option("adacache:motion", "a run of one frame has none", "motion=false");
  }

  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override {
    if (codebook_.never_reuses() || window_.covers(schedule)) return {};
    patch_frames_ = topology.patch[0];
    if (metric_block_ < 0) metric_block_ = middle_block(topology);
    if (metric_block_ >= topology.block_count()) {
      refuse_option("adacache:metric_block", fmt::format("there is no block {}", metric_block_),
                    fmt::format("0 to {}", topology.block_count() - 1));
    }
    Plan plan;
    for (int block = 0; block < topology.block_count(); ++block) {
      const int rest = attention_of(topology, block) + 1;
      if (block == metric_block_) metric_site_ = static_cast<int>(plan.sites.size());
      plan.sites.push_back(unit_site(topology, topology.block_begin(block), rest, FeatureForm::kDelta));
      if (rest == topology.block_end(block)) continue;
      plan.sites.push_back(unit_site(topology, rest, topology.block_end(block), FeatureForm::kDelta));
    }
    return plan;
  }

  Decision decide(const DecisionPoint& point) override {
    if (point.step.index != step_) begin_step(point.step);
    if (window_.must_compute(point.step)) return Decision::recompute("window", change_);
    // What a rehearsal cannot show decides here: the look tells it so.
    point.evidence.hidden();
    if (computes_) return Decision::recompute(reason_, change_);
    if (missed(point, computed_)) return Decision::recompute(kMissedRefresh, change_);
    return Decision::reuse("rate", change_);
  }

  void observe(const DecisionPoint& point, const Feature& fresh, const Feature*) override {
    if (point.branch != Branch::kConditional || point.site != metric_site_ || !computes_) return;
    if (point.snapshots.empty()) {
      // Computed before, so only the budget can have refused it.
      if (point.step.index > 0) reason_ = "no change measured; over the byte budget";
      return;
    }
    const at::Tensor& before = point.snapshots.front().feature.video;
    gap_ = point.age();
    measured_change_ = relative_change(fresh.video, before, point.kernels);
    if (uses_motion_) measured_motion_ = frame_motion(fresh.video, point.latent.size(2) / patch_frames_);
  }

  std::vector<SettledOption> settled_options() const override {
    return {settled("metric_block", metric_block_, metric_block_ >= 0)};
  }

 private:
  void begin_step(const StepInfo& step) {
    if (computes_) settle_rate();
    step_ = step.index;
    computes_ = window_.must_compute(step) || step.index >= computed_ + rate_;
    if (!computes_) return;
    computed_ = step.index;
    passed_ = (step.node + 1.0) / step.node_count;
    measured_change_.reset();
  }

  /// The rate that follows from what the last computed step measured; until there is a change to measure, 1.
  void settle_rate() {
    rate_ = 1;
    change_.reset();
    if (!measured_change_) return;
    const double change = *measured_change_ / gap_ * (uses_motion_ ? regularisation() : 1);
    rate_ = codebook_.rate(change);
    change_ = change;
    reason_ = "rate";
  }

  /// MoReg: motion plus its change per step. Near the ends of a run, motion counts as 1.
  double regularisation() {
    const bool regarded = codebook_.motion_begin <= passed_ && passed_ <= codebook_.motion_end;
    const double motion = regarded ? std::pow(measured_motion_ / motion_rule_.scale, motion_rule_.power) : 1;
    const double gradient = motion_rule_.gradient * (motion - motion_) / gap_;
    motion_ = motion;
    return motion + std::abs(gradient);
  }

  std::string codebook_name_;
  int metric_block_;  ///< -1 until it is settled
  bool uses_motion_;
  StepWindow window_;
  AdaCacheCodebook codebook_;
  MotionRule motion_rule_;
  int patch_frames_ = 1;
  int metric_site_ = 0;

  int step_ = -1;
  int computed_ = -1;
  int rate_ = 1;
  bool computes_ = false;
  double passed_ = 0;  ///< share of the run done after the last computed step
  double motion_ = 1;
  std::optional<double> change_;
  std::string reason_ = "rate";
  /// Of the metric block's attention in the last computed step, and the steps since it was computed before.
  std::optional<double> measured_change_;
  double measured_motion_ = 0;
  int gap_ = 1;
};

}  // namespace

PolicyEntry adacache_entry() {
  return {
      .name = "adacache",
      .help = "reuse attention and the rest of every block for as many steps as one attention's change allows",
      .disabled = "codebook=1",
      .example = "codebook=0.1:4/0.4:2/1",
      .options = {{.name = "codebook",
                   .type = OptionType::kText,
                   .default_value = "fast",
                   .help = "steps to the next computed one by change per step: fast, slow, long (for 100 steps), or "
                           "threshold:steps/threshold:steps/steps"},
                  {.name = "metric_block",
                   .type = OptionType::kInteger,
                   .default_value = kAutomatic,
                   .help = "block whose attention is measured; auto: the middle one"},
                  {.name = "motion",
                   .type = OptionType::kFlag,
                   .default_value = "false",
                   .help = "take motion between frames into account (MoReg)"},
                  first_option("1"),
                  last_option("2")},
      .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
        return std::make_unique<AdaCache>(options);
      }};
}

}  // namespace ditto
