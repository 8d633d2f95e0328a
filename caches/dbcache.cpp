#include "caches/dbcache.h"

#include <algorithm>
#include <map>

#include <ATen/TensorOperators.h>

#include <fmt/format.h>

#include "caches/block_range.h"
#include "caches/branch_choice.h"
#include "caches/change.h"
#include "caches/forecasters/taylor.h"
#include "caches/refusal.h"
#include "caches/settled_option.h"
#include "caches/since_computed.h"
#include "caches/step_window.h"

namespace ditto {
namespace {

constexpr const char* kHeadDelta = "change made by the first blocks at the last computed step";
constexpr int kPublishedFirstBlocks = 8;
constexpr const char* kThreshold = "0.08";

/// Steps prescribed as letters, one for each step of the full grid: C computes, R may be reused.
class StepMask {
 public:
  explicit StepMask(const PolicyOptions& options)
      : letters_(options.is_automatic("mask") ? "" : options.text("mask")),
        is_static_(options.text("mask_mode") == "static") {}

  void check(int node_count) const {
    if (letters_.empty()) return;
    if (letters_.find_first_not_of("CR") != std::string::npos) {
      refuse_option("dbcache:mask", fmt::format("'{}' has other letters than C and R", letters_), "CCRRC...");
    }
    if (std::ssize(letters_) != node_count) {
      refuse_option("dbcache:mask", fmt::format("has {} letters", letters_.size()),
                    fmt::format("one for each of the {} steps", node_count));
    }
  }

  bool must_compute(const StepInfo& step) const {
    return !letters_.empty() && letters_[static_cast<std::size_t>(step.node)] == 'C';
  }

  /// Every step that need not compute is reused, whatever the features say.
  bool is_static() const { return is_static_; }

 private:
  std::string letters_;
  bool is_static_;
};

class DBCache : public CachePolicy {
 public:
  explicit DBCache(const PolicyOptions& options)
      : threshold_(options.number("threshold")),
        first_blocks_(options.integer_or("first_blocks", 0)),
        last_blocks_(options.integer("last_blocks")),
        first_(options.integer("first")),
        first_interval_(options.integer("first_interval")),
        last_(options.integer("last")),
        max_reuse_(options.integer("max_reuse")),
        max_total_reuse_(options.integer("max_total_reuse")),
        max_accumulated_(options.number("max_accumulated")),
        mask_(options),
        order_(options.integer("order")),
        branch_(options),
        official_(options.text("mode") == "official") {
    if (threshold_ > 0) refuse_what_has_no_effect(options);
  }

  void begin(const Topology&, const RunInfo& run) override {
    if (threshold_ > 0 && branch_.conditional_decides() && run.branches.size() == 1) {
      refuse_option("dbcache:branch", "this run has one branch", "branch=each");
    }
  }

  Plan plan(const Topology& topology, std::span<const StepInfo> schedule) override {
    if (threshold_ <= 0) return {};
    mask_.check(schedule.front().node_count);
    if (first_blocks_ == 0) first_blocks_ = std::clamp(topology.block_count() / 2, 1, kPublishedFirstBlocks);
    Plan plan{.sites = {block_range_site(topology, "dbcache", first_blocks_, last_blocks_, order_ + 1)}};
    if (!compares_heads()) return plan;
    plan.probes = {Probe{-1}};
    plan.remembered_states = 1;
    return plan;
  }

  Decision decide(const DecisionPoint& point) override {
    Decision decision = branch_.decide(point, [&](const DecisionPoint& asked) { return decide_step(asked); });
    if (decision.action == Action::kBlend) decision.weights = blend_weights(point);
    return decision;
  }

  void observe(const DecisionPoint& point, const Feature&, const Feature*) override {
    const auto head = head_.find(point.branch);
    if (head == head_.end()) return;
    point.evidence.remember(kHeadDelta, head->second);
    head_.erase(head);
  }

  std::vector<SettledOption> settled_options() const override {
    return {settled("first_blocks", first_blocks_, first_blocks_ > 0), settled("mask", "none")};
  }

 private:
  /// What the released code counts, and does not clear where one would expect it.
  struct OfficialCounts {
    int run = 0;
    int last_reused = -1;
    double accumulated = 0;
  };

  static void refuse_what_has_no_effect(const PolicyOptions& options);

  bool compares_heads() const { return !mask_.is_static() && threshold_ < 1; }

  Decision decide_step(const DecisionPoint& point) {
    if (compares_heads()) head_[point.branch] = point.evidence.hidden() - point.evidence.probe(0);
    const Decision decision = judge(point);
    if (decision.action == Action::kBlend && !point.snapshots.empty()) {
      count_reuse(point);
      head_.erase(point.branch);
    }
    return decision;
  }

  /// The order of the tests is cache-dit's.
  Decision judge(const DecisionPoint& point) {
    if (must_compute(point.step)) return Decision::recompute("window");
    if (mask_.must_compute(point.step)) return Decision::recompute("mask");
    // The engine computes where nothing is stored, and says why nothing is.
    if (point.snapshots.empty()) return Decision::reuse("");
    if (mask_.is_static()) return Decision::reuse("mask");
    if (max_total_reuse_ > 0 && reused_[point.branch] >= max_total_reuse_)
      return Decision::recompute("most reused steps");
    if (ends_run(point)) return Decision::recompute("longest run of reused steps");
    if (max_accumulated_ > 0 && accumulated(point) >= max_accumulated_)
      return Decision::recompute("accumulated change");
    if (threshold_ >= 1) return Decision::reuse("threshold of 1 or more");
    return compare_heads(point);
  }

  bool must_compute(const StepInfo& step) const {
    const bool in_first = step.index < first_ && step.index % first_interval_ == 0;
    return in_first || step.index >= step.count - last_;
  }

  bool ends_run(const DecisionPoint& point) {
    if (max_reuse_ == 0) return false;
    if (!official_) return point.age() > max_reuse_;
    OfficialCounts& counts = official_counts_[point.branch];
    if (counts.run < max_reuse_) return false;
    counts.run = 0;
    return true;
  }

  double& accumulated(const DecisionPoint& point) {
    return official_ ? official_counts_[point.branch].accumulated : since_computed_.at(point);
  }

  Decision compare_heads(const DecisionPoint& point) {
    const at::Tensor computed = point.evidence.recall(kHeadDelta);
    // Every computed step remembers its head, unless the budget is exhausted.
    if (!computed.defined()) return Decision::recompute("no head to compare with; over the byte budget");
    const std::optional<double> change = relative_change(head_[point.branch], computed, point.kernels);
    if (!change) return Decision::recompute("no measure of change");
    accumulated(point) += *change;
    if (*change < threshold_) return Decision::reuse("head changed little", change);
    return Decision::recompute("head changed", change);
  }

  void count_reuse(const DecisionPoint& point) {
    int& reused = reused_[point.branch];
    OfficialCounts& counts = official_counts_[point.branch];
    const bool consecutive = point.step.index == counts.last_reused + 1;
    if (reused == 0) {
      ++counts.run;
    } else if (consecutive) {
      counts.run += counts.run == 0 ? 2 : 1;
    }
    counts.last_reused = point.step.index;
    ++reused;
  }

  std::vector<float> blend_weights(const DecisionPoint& point) const {
    if (point.snapshots.empty()) return {1};
    std::vector<double> positions;
    for (const Snapshot& snapshot : point.snapshots) positions.push_back(snapshot.index);
    return TaylorForecaster(usable_order(point.snapshots)).weights(positions, point.step.index);
  }

  /// cache-dit's state begins one step late and forms no difference in the first two steps it counts.
  int usable_order(std::span<const Snapshot> snapshots) const {
    if (!official_) return order_;
    const auto differences = std::ranges::count_if(snapshots, [](const Snapshot& s) { return s.index >= 3; });
    return std::min(order_, static_cast<int>(differences));
  }

  double threshold_;
  int first_blocks_;  ///< 0 until it is settled
  int last_blocks_;
  int first_;
  int first_interval_;
  int last_;
  int max_reuse_;
  int max_total_reuse_;
  double max_accumulated_;
  StepMask mask_;
  int order_;
  BranchChoice branch_;
  bool official_;
  std::map<Branch, at::Tensor> head_;  ///< from decide() to observe() of one step
  std::map<Branch, int> reused_;
  std::map<Branch, OfficialCounts> official_counts_;
  SinceComputed<double> since_computed_;
};

void DBCache::refuse_what_has_no_effect(const PolicyOptions& options) {
  const std::vector<std::string> caps = {"max_reuse", "max_total_reuse", "max_accumulated"};
  const auto given = [&](const std::string& option) { return options.number(option) > 0; };
  const bool is_static = options.text("mask_mode") == "static";
  if (is_static && options.is_automatic("mask")) {
    refuse_option("dbcache:mask_mode", "'static' has no effect without a mask", "mask=CCRR...");
  }
  for (const std::string& cap : caps) {
    if (is_static && given(cap)) refuse_option("dbcache:" + cap, "has no effect with mask_mode=static", cap + "=0");
  }
  if (is_static && given("threshold") && options.text("threshold") != kThreshold) {
    refuse_option("dbcache:threshold", "has no effect with mask_mode=static", "a mask alone");
  }
  if (is_static && BranchChoice(options).conditional_decides()) {
    refuse_option("dbcache:branch", "has no effect with mask_mode=static", "branch=each");
  }
  if (options.number("threshold") >= 1 && given("max_accumulated")) {
    refuse_option("dbcache:max_accumulated", "has no effect where a threshold of 1 or more compares nothing",
                  "max_accumulated=0");
  }
  if (options.integer("first_interval") > 1 && options.integer("first") < 2) {
    refuse_option("dbcache:first_interval", "has no effect without a window of two or more steps", "first=2 or more");
  }
  const bool has_quirk = given("max_reuse") || given("max_accumulated") || given("order");
  if (options.text("mode") == "official" && !has_quirk) {
    refuse_option("dbcache:mode", "'official' has no effect without max_reuse, max_accumulated or order", "mode=ditto");
  }
}

}  // namespace

PolicyEntry dbcache_entry() {
  return {
      .name = "dbcache",
      .help = "compute the first and last blocks, reuse the change made between them while the first changed little",
      .disabled = "threshold=0",
      .example = "threshold=0.3,first_blocks=1,first=2",
      .options = {{.name = "threshold",
                   .type = OptionType::kNumber,
                   .default_value = kThreshold,
                   .help = "reuse below this relative change of the first blocks' change; from 1 on always"},
                  {.name = "first_blocks",
                   .type = OptionType::kInteger,
                   .default_value = kAutomatic,
                   .help = "blocks at the start that always run; auto: 8, at most half of them",
                   .minimum = 1},
                  {.name = "last_blocks",
                   .type = OptionType::kInteger,
                   .default_value = "0",
                   .help = "blocks at the end that always run"},
                  {.name = "order",
                   .type = OptionType::kInteger,
                   .default_value = "0",
                   .help = "order of the Taylor forecast of the change between them; 0 reuses",
                   .maximum = 4},
                  {.name = "max_reuse",
                   .type = OptionType::kInteger,
                   .default_value = "0",
                   .help = "most steps reused in a row; 0 sets no bound"},
                  {.name = "max_total_reuse",
                   .type = OptionType::kInteger,
                   .default_value = "0",
                   .help = "most steps reused in a run; 0 sets no bound"},
                  {.name = "max_accumulated",
                   .type = OptionType::kNumber,
                   .default_value = "0",
                   .help = "compute once the changes of the steps reused in a row add up to this; 0: no bound"},
                  {.name = "mask",
                   .type = OptionType::kText,
                   .default_value = kAutomatic,
                   .help = "a letter for each step, C computes, R may be reused; auto: no mask"},
                  {.name = "mask_mode",
                   .type = OptionType::kText,
                   .default_value = "dynamic",
                   .help = "whether the steps a mask leaves open are all reused or decided by the first blocks",
                   .choices = {"dynamic", "static"}},
                  branch_option(),
                  {.name = "mode",
                   .type = OptionType::kText,
                   .default_value = "ditto",
                   .help = "official: counters of caps and forecast as in the released code",
                   .choices = {"ditto", "official"}},
                  {.name = "first",
                   .type = OptionType::kInteger,
                   .default_value = "8",
                   .help = "window of steps computed at the start"},
                  {.name = "first_interval",
                   .type = OptionType::kInteger,
                   .default_value = "1",
                   .help = "n: in that window, only every n-th step has to be computed",
                   .minimum = 1},
                  last_option("0")},
      .create = [](const PolicyOptions& options) -> std::unique_ptr<CachePolicy> {
        return std::make_unique<DBCache>(options);
      }};
}

}  // namespace ditto
