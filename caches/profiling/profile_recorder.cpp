#include "caches/profiling/profile_recorder.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <c10/core/InferenceMode.h>

#include "caches/profiling/change_curves.h"
#include "caches/profiling/channel_solvers.h"
#include "caches/profiling/gram.h"
#include "caches/profiling/indicator.h"
#include "caches/profiling/received_attention.h"
#include "caches/profiling/token_sample.h"

namespace ditto {
namespace {

constexpr int kEmbeddingProbe = 0;

/// The self-attention unit of a block; -1 in a block without one.
int self_attention_unit(const Topology& topology, int block) {
  for (int unit = topology.block_begin(block); unit < topology.block_end(block); ++unit) {
    if (topology.units[static_cast<std::size_t>(unit)].kind == "self_attention") return unit;
  }
  return -1;
}

}  // namespace

/// Computes everything; tells the measurements what passes by.
class ProfileRecorder::Observer : public CachePolicy {
 public:
  explicit Observer(ProfileRecorder& recorder) : recorder_(recorder) {}

  void begin(const Topology& topology, const RunInfo& run) override { recorder_.begin(topology, run); }

  Plan plan(const Topology&, std::span<const StepInfo> schedule) override {
    recorder_.sigmas_.clear();
    for (const StepInfo& step : schedule) recorder_.sigmas_.push_back(step.sigma);
    recorder_.sigmas_.push_back(0);
    blocks_ = recorder_.observed_blocks();
    plan_ = recorder_.plan();
    return plan_;
  }

  Decision decide(const DecisionPoint&) override { return Decision::recompute("measured"); }

  void observe(const DecisionPoint& point, const Feature& fresh, const Feature*) override {
    const auto& branches = recorder_.run_.branches;
    const int branch = static_cast<int>(std::ranges::find(branches, point.branch) - branches.begin());
    const at::Tensor previous = point.snapshots.empty() ? at::Tensor() : point.snapshots.front().feature.video;
    if (static_cast<std::size_t>(point.site) == blocks_.size()) {
      tell([&](Measurement& each) { each.see_prediction({point.step, branch, fresh.video, previous, point.kernels}); });
    } else {
      observe_block(point, branch, fresh.video, previous);
    }
  }

 private:
  /// Around the block that was observed last in a branch.
  struct Passed {
    at::Tensor stack_input, output;
    at::Tensor previous_stack_input, previous_output;
  };

  void observe_block(const DecisionPoint& point, int branch, const at::Tensor& output, const at::Tensor& previous) {
    Passed& passed = passed_[static_cast<std::size_t>(branch)];
    if (point.site == 0) enter_stack(point, branch, passed);
    BlockStates states{.step = point.step,
                       .branch = branch,
                       .block = blocks_[static_cast<std::size_t>(point.site)],
                       .stack_input = passed.stack_input,
                       .input = passed.output,
                       .output = output,
                       .previous_stack_input = passed.previous_stack_input,
                       .previous_input = passed.previous_output,
                       .previous_output = previous,
                       .received_attention = {},
                       .kernels = point.kernels};
    const int unit = self_attention_unit(recorder_.topology_, states.block);
    const auto probe = std::ranges::find(plan_.probes, unit, &Probe::unit);
    if (unit >= 0 && probe != plan_.probes.end()) {
      states.received_attention = point.evidence.probe(static_cast<int>(probe - plan_.probes.begin()));
    }
    tell([&](Measurement& each) { each.see_block(states); });
    passed.output = output;
    passed.previous_output = previous;
  }

  void enter_stack(const DecisionPoint& point, int branch, Passed& passed) {
    passed.previous_stack_input = std::exchange(passed.stack_input, point.evidence.probe(kEmbeddingProbe));
    const bool enters_first_block = blocks_.front() == 0;
    passed.output = enters_first_block ? passed.stack_input : at::Tensor();
    passed.previous_output = enters_first_block ? passed.previous_stack_input : at::Tensor();
    StepSignals signals{point.step, branch, {}, point.kernels};
    for (const Signal signal : plan_.signals) signals.values[signal] = point.evidence.signal(signal);
    tell([&](Measurement& each) { each.see_signals(signals); });
  }

  template <typename Action>
  void tell(const Action& action) {
    for (const auto& measurement : recorder_.measurements_) action(*measurement);
  }

  ProfileRecorder& recorder_;
  Plan plan_;
  std::vector<int> blocks_;  ///< by site
  std::array<Passed, 2> passed_;
};

ProfileRecorder::ProfileRecorder(ArrayGroups groups, std::vector<std::int64_t> latent_sizes)
    : groups_(std::move(groups)), latent_sizes_(std::move(latent_sizes)) {}

ProfileRecorder::~ProfileRecorder() = default;

std::unique_ptr<CachePolicy> ProfileRecorder::policy() { return std::make_unique<Observer>(*this); }

void ProfileRecorder::begin(const Topology& topology, const RunInfo& run) {
  topology_ = topology;
  run_ = run;
  measurements_.clear();
  const MeasuredRun measured{topology_, run_};
  if (measures(ArrayGroup::kResidual)) measurements_.push_back(std::make_unique<ResidualCurves>(measured));
  if (measures(ArrayGroup::kBlocks)) measurements_.push_back(std::make_unique<BlockCurves>(measured));
  if (measures(ArrayGroup::kIndicators)) measurements_.push_back(std::make_unique<IndicatorCurves>(measured));
  if (measures(ArrayGroup::kAttention)) measurements_.push_back(std::make_unique<ForegroundAttention>(measured));
  if (measures(ArrayGroup::kChannels)) measurements_.push_back(std::make_unique<ChannelMeasurement>(measured));
  if (measures(ArrayGroup::kGram)) measurements_.push_back(std::make_unique<LatentGram>());
  if (measures(ArrayGroup::kStackGram)) measurements_.push_back(std::make_unique<StackGram>(measured));
}

std::vector<int> ProfileRecorder::observed_blocks() const {
  const auto any = [this](std::initializer_list<ArrayGroup> groups) {
    return std::ranges::any_of(groups, [this](ArrayGroup group) { return measures(group); });
  };
  const int count = topology_.block_count();
  std::vector<int> blocks;
  if (any({ArrayGroup::kBlocks, ArrayGroup::kAttention, ArrayGroup::kChannels})) {
    for (int block = 0; block < count; ++block) blocks.push_back(block);
  } else if (any({ArrayGroup::kResidual, ArrayGroup::kIndicators, ArrayGroup::kStackGram})) {
    blocks.push_back(count - 1);
  }
  return blocks;
}

Plan ProfileRecorder::plan() const {
  Plan plan;
  const std::vector<int> blocks = observed_blocks();
  const double steps = run_.steps, branches = static_cast<double>(run_.branches.size());
  const std::int64_t elements = latent_sizes_[2] * latent_sizes_[3] * latent_sizes_[4];
  const double share = sampled_share(elements / (topology_.patch[0] * topology_.patch[1] * topology_.patch[2]));
  for (const int block : blocks) {
    plan.sites.push_back(
        unit_site(topology_, topology_.block_begin(block), topology_.block_end(block), FeatureForm::kState));
  }
  if (!blocks.empty()) {
    plan.probes.push_back({});
    plan.remembered_states += 4;  // around the block that was observed last
  }
  if (measures(ArrayGroup::kIndicators)) {
    plan.sites.push_back(prediction_site(FeatureForm::kOutput));
    for (const Indicator& indicator : kIndicators) plan.signals.push_back(indicator.signal);
    plan.remembered_states += 1;
  }
  if (measures(ArrayGroup::kAttention)) {
    for (const int block : blocks) {
      const int unit = self_attention_unit(topology_, block);
      if (unit >= 0) plan.probes.push_back({unit, ProbeKind::kReceivedAttention});
    }
    // A byte for every token, block and step.
    plan.remembered_states += steps * static_cast<double>(blocks.size()) / (2.0 * topology_.channels);
  }
  if (measures(ArrayGroup::kChannels)) {
    // In fp32, so up to twice the size of a state, and of one branch only.
    plan.remembered_states +=
        2 * share * ChannelMeasurement::kProbedSteps * static_cast<double>(blocks.size()) / branches;
  }
  if (measures(ArrayGroup::kStackGram)) plan.remembered_states += 2 * share * steps;
  if (measures(ArrayGroup::kGram)) plan.remembered_latents += (2 * steps + 1) / branches;
  return plan;
}

void ProfileRecorder::see_step(const StepInfo& step, const at::Tensor& latent, const at::Tensor& prediction) {
  for (const auto& measurement : measurements_) measurement->see_step(step, latent, prediction);
}

Profile ProfileRecorder::finish(const at::Tensor& final_latent) {
  const c10::InferenceMode inference;
  Profile profile;
  profile.model = topology_.identity;
  profile.units = topology_.unit_count();
  profile.run = run_;
  profile.sigmas = sigmas_;
  profile.version = DITTO_VERSION;
  profile.prompts = 1;
  for (const auto& measurement : measurements_) measurement->finish(final_latent, profile.arrays);
  return profile;
}

}  // namespace ditto
