#include "runtime/denoiser.h"

#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include "kernels/frequency_bands.h"
#include "runtime/blending.h"
#include "runtime/branch_evidence.h"
#include "runtime/site_tree.h"
#include "runtime/step_clock.h"

namespace ditto {

struct Denoiser::State {
  const Model& model;
  CachePolicy& policy;
  std::vector<Branch> branches;
  std::vector<StepInfo> schedule;
  EngineOptions options;
  Plan plan;
  std::vector<SiteNode> site_tree;
  std::vector<int> prediction_sites;
  std::vector<at::Tensor> clusters;  ///< by site: cluster of every channel, undefined for sites without clusters
  std::unique_ptr<const RunContext> context;
  FeatureStore store;
  std::vector<TraceEvent> events;
  EngineCounts counts;
  std::vector<StepRecord> step_records;
};

namespace {

/// after - before, written over `before`.
Feature difference(const Feature& after, Feature before) {
  at::sub_out(before.video, after.video, before.video);
  if (before.text.defined()) at::sub_out(before.text, after.text, before.text);
  return before;
}

}  // namespace

/// One step: asks the policy, runs what has to be run, writes the events.
class Denoiser::Walk {
 public:
  Walk(State& state, const at::Tensor& latent, int index)
      : state_(state),
        latent_(latent),
        step_(state.schedule.at(static_cast<std::size_t>(index))),
        clock_(state.options.record_steps) {
    for (const Branch branch : state.branches) {
      evidence_.emplace_back(state.store, branch, state.plan.probes.size());
    }
  }

  std::vector<at::Tensor> run() {
    predictions_.resize(state_.branches.size());
    ran_.assign(state_.branches.size(), false);
    std::vector<PredictionDecision> decisions = decide_predictions();
    std::vector<int> rows;
    for (std::size_t b = 0; b < state_.branches.size(); ++b) {
      const auto blends = [&](const PredictionDecision& d) {
        return d.row == b && d.decision.action == Action::kBlend;
      };
      if (std::ranges::none_of(decisions, blends)) rows.push_back(static_cast<int>(b));
    }
    if (!rows.empty()) run_network(rows);
    finish_predictions(decisions, rows);
    state_.counts.branch_steps_computed += std::ranges::count(ran_, true);
    write_events();
    if (state_.options.record_steps) {
      state_.step_records.push_back({step_.node, clock_.finish(), state_.store.bytes()});
    }
    return predictions_;
  }

 private:
  struct PredictionDecision {
    std::size_t row;
    int site;
    Decision decision;
  };
  struct OrderedEvent {
    std::size_t row;
    int site;
    TraceEvent event;
  };

  /// What a possible decision for this branch asks for.
  Blend blend_of(int site, std::size_t branch, const Decision& decision) const {
    return make_blend(site_of(site), decision, state_.store.snapshots(site, state_.branches[branch]),
                      state_.clusters[static_cast<std::size_t>(site)]);
  }

  const Site& site_of(int site) const { return state_.plan.sites[static_cast<std::size_t>(site)]; }

  DecisionPoint point(int site, std::size_t branch) {
    return {step_,
            state_.branches[branch],
            site,
            state_.store.snapshots(site, state_.branches[branch]),
            latent_,
            evidence_[branch],
            state_.model.kernels()};
  }

  Decision decide(int site, std::size_t branch, at::Tensor hidden, std::int64_t row) {
    clock_.enter(StepPart::kDeciding);
    evidence_[branch].enter(site, std::move(hidden), row);
    const DecisionPoint question = point(site, branch);
    Decision decision = state_.policy.decide(question);
    if (decision.action == Action::kBlend || decision.shadow) {
      const std::string why =
          blend_obstacle(site_of(site), decision, question.snapshots, state_.store.over_budget(site, question.branch));
      if (!why.empty() && decision.action == Action::kBlend) {
        decision.action = Action::kRecompute;
        decision.reason += decision.reason.empty() ? why : "; " + why;
      }
      if (!why.empty()) decision.shadow = false;
    }
    events_.push_back(
        {branch,
         site,
         {step_.node, question.branch, site_of(site).name, decision.action, decision.reason, decision.score,
          question.age(), decision.action == Action::kBlend ? decision.weights : std::vector<float>{}}});
    return decision;
  }

  /// Shows a fresh feature to the policy and stores it.
  void keep(int site, std::size_t branch, const Decision& decision, const Feature& fresh) {
    clock_.enter(StepPart::kDeciding);
    const DecisionPoint answered = point(site, branch);
    Feature shadow;
    if (decision.shadow) shadow = evaluate(blend_of(site, branch, decision), state_.model.kernels());
    state_.policy.observe(answered, fresh, decision.shadow ? &shadow : nullptr);
    Feature stored = fresh;
    if (site_of(site).split == Split::kFrequencyBands) stored.video = kernels::split_frequency_bands(fresh.video);
    state_.store.push(site, answered.branch, {step_.index, step_.node, step_.sigma, std::move(stored)},
                      site_of(site).keep);
  }

  std::vector<PredictionDecision> decide_predictions() {
    std::vector<PredictionDecision> decisions;
    for (std::size_t b = 0; b < state_.branches.size(); ++b) {
      for (const int site : state_.prediction_sites) {
        const bool is_reference = state_.branches[b] == Branch::kConditional;
        if (site_of(site).form == FeatureForm::kBranchDelta && is_reference) continue;
        decisions.push_back({b, site, decide(site, b, {}, 0)});
        if (decisions.back().decision.action == Action::kBlend) break;
      }
    }
    return decisions;
  }

  void run_network(const std::vector<int>& rows) {
    clock_.enter(StepPart::kRest);
    Activations activations = state_.model.embed(*state_.context, latent_, step_.index, rows);
    for (const Signal signal : state_.plan.signals) {
      clock_.enter(StepPart::kDeciding);
      const at::Tensor value = state_.model.signal(signal, activations);
      for (std::size_t r = 0; r < rows.size(); ++r) {
        evidence_[static_cast<std::size_t>(rows[r])].set_signal(signal,
                                                                value.narrow(0, static_cast<std::int64_t>(r), 1));
      }
    }
    const bool batched = activations.hidden.video.size(1) <= state_.options.max_batched_tokens;
    if (batched || rows.size() == 1) {
      run_rows(activations);
    } else {
      for (std::size_t r = 0; r < rows.size(); ++r) {
        Activations row = activations.row(static_cast<std::int64_t>(r));
        run_rows(row);
      }
    }
  }

  void run_rows(Activations& activations) {
    capture_probes(-1, activations);
    run_range(0, state_.model.topology().unit_count(), state_.site_tree, activations);
    clock_.enter(StepPart::kRest);
    const at::Tensor prediction = state_.model.project(activations);
    for (std::size_t r = 0; r < activations.rows.size(); ++r) {
      predictions_[static_cast<std::size_t>(activations.rows[r])] =
          prediction.narrow(0, static_cast<std::int64_t>(r), 1);
    }
  }

  void run_range(int begin, int end, const std::vector<SiteNode>& sites, Activations& activations) {
    auto next = sites.begin();
    for (int unit = begin; unit < end;) {
      if (next != sites.end() && site_of(next->site).begin == unit) {
        visit(*next, activations);
        unit = site_of(next->site).end;
        ++next;
      } else {
        run_unit(unit, activations);
        ++unit;
      }
    }
  }

  void run_unit(int unit, Activations& activations) {
    state_.model.apply_unit(unit, Blend::fresh(compute(unit, activations)), activations);
    capture_probes(unit, activations);
  }

  Feature compute(int unit, const Activations& activations) {
    capture_received_attention(unit, activations);
    clock_.enter(StepPart::kUnits);
    state_.counts.units_computed += static_cast<std::int64_t>(activations.rows.size());
    for (const int row : activations.rows) ran_[static_cast<std::size_t>(row)] = true;
    return state_.model.run_unit(unit, activations);
  }

  void visit(const SiteNode& node, Activations& activations) {
    std::vector<Decision> decisions;
    for (std::size_t r = 0; r < activations.rows.size(); ++r) {
      decisions.push_back(decide(node.site, static_cast<std::size_t>(activations.rows[r]), activations.hidden.video,
                                 static_cast<std::int64_t>(r)));
    }
    const auto recomputes = [](const Decision& decision) { return decision.action == Action::kRecompute; };
    if (std::ranges::all_of(decisions, recomputes)) {
      recompute(node, decisions, activations);
      return;
    }
    for (std::size_t r = 0; r < decisions.size(); ++r) {
      Activations row = activations.row(static_cast<std::int64_t>(r));
      if (recomputes(decisions[r])) {
        recompute(node, std::span(&decisions[r], 1), row);
      } else {
        reuse(node.site, decisions[r], row);
      }
    }
  }

  void recompute(const SiteNode& node, std::span<const Decision> decisions, Activations& activations) {
    const Site& site = site_of(node.site);
    const Feature& hidden = activations.hidden;
    Feature fresh;
    if (site.form == FeatureForm::kOutput) {
      fresh = compute(site.begin, activations);
      state_.model.apply_unit(site.begin, Blend::fresh(fresh), activations);
      capture_probes(site.begin, activations);
    } else if (site.form == FeatureForm::kDelta) {
      clock_.enter(StepPart::kDeciding);
      Feature before = hidden.clone();
      run_range(site.begin, site.end, node.children, activations);
      clock_.enter(StepPart::kDeciding);
      fresh = difference(hidden, std::move(before));
    } else {
      run_range(site.begin, site.end, node.children, activations);
      clock_.enter(StepPart::kDeciding);
      fresh = hidden.clone();
    }
    keep_rows(node.site, decisions, activations, fresh);
  }

  void keep_rows(int site, std::span<const Decision> decisions, const Activations& activations, const Feature& fresh) {
    for (std::size_t r = 0; r < decisions.size(); ++r) {
      const std::size_t branch = static_cast<std::size_t>(activations.rows[r]);
      const std::int64_t row = static_cast<std::int64_t>(r);
      evidence_[branch].enter(site, activations.hidden.video, row);
      keep(site, branch, decisions[r], decisions.size() == 1 ? fresh : fresh.row(row));
    }
  }

  void reuse(int site_index, const Decision& decision, Activations& row) {
    clock_.enter(StepPart::kBlends);
    const Site& site = site_of(site_index);
    const std::size_t branch = static_cast<std::size_t>(row.rows.front());
    const Blend blend = blend_of(site_index, branch, decision);
    if (site.form == FeatureForm::kOutput) {
      state_.model.apply_unit(site.begin, blend, row);
    } else if (site.form == FeatureForm::kDelta) {
      add_to(row.hidden, blend, state_.model.kernels());
    } else {
      assign_to(row.hidden, blend, state_.model.kernels());
    }
    capture_probes(site.end - 1, row);
  }

  void capture_received_attention(int unit, const Activations& activations) {
    for (std::size_t p = 0; p < state_.plan.probes.size(); ++p) {
      const Probe& probe = state_.plan.probes[p];
      if (probe.kind != ProbeKind::kReceivedAttention || probe.unit != unit) continue;
      clock_.enter(StepPart::kDeciding);
      const at::Tensor received = state_.model.received_attention(unit, activations, probe.query_stride);
      for (std::size_t r = 0; r < activations.rows.size(); ++r) {
        evidence_[static_cast<std::size_t>(activations.rows[r])].set_probe(
            p, received.narrow(0, static_cast<std::int64_t>(r), 1));
      }
    }
  }

  void capture_probes(int unit, const Activations& activations) {
    for (std::size_t p = 0; p < state_.plan.probes.size(); ++p) {
      if (state_.plan.probes[p].kind != ProbeKind::kState || state_.plan.probes[p].unit != unit) continue;
      clock_.enter(StepPart::kDeciding);
      for (std::size_t r = 0; r < activations.rows.size(); ++r) {
        const at::Tensor state = activations.hidden.video.narrow(0, static_cast<std::int64_t>(r), 1).clone();
        evidence_[static_cast<std::size_t>(activations.rows[r])].set_probe(p, state);
      }
    }
  }

  void finish_predictions(const std::vector<PredictionDecision>& decisions, const std::vector<int>& rows) {
    const auto computed = [&](std::size_t row) { return std::ranges::find(rows, static_cast<int>(row)) != rows.end(); };
    // The conditional branch comes first, so that a branch delta finds its reference.
    for (const auto& [row, site, decision] : decisions) {
      evidence_[row].enter(site, {}, 0);
      if (decision.action == Action::kBlend) {
        blend_prediction(row, site, decision);
      } else if (computed(row) && (site_of(site).form != FeatureForm::kBranchDelta || computed(0))) {
        keep(site, row, decision, prediction_feature(row, site));
      }
    }
  }

  void blend_prediction(std::size_t row, int site, const Decision& decision) {
    clock_.enter(StepPart::kBlends);
    const Feature blended = evaluate(blend_of(site, row, decision), state_.model.kernels());
    switch (site_of(site).form) {
      case FeatureForm::kDelta:
        predictions_[row] = latent_ + blended.video;
        break;
      case FeatureForm::kBranchDelta:
        predictions_[row] = predictions_[0] + blended.video;
        break;
      default:
        predictions_[row] = blended.video;
    }
  }

  Feature prediction_feature(std::size_t row, int site) const {
    switch (site_of(site).form) {
      case FeatureForm::kDelta:
        return {predictions_[row] - latent_, {}};
      case FeatureForm::kBranchDelta:
        return {predictions_[row] - predictions_[0], {}};
      default:
        return {predictions_[row], {}};
    }
  }

  void write_events() {
    std::ranges::stable_sort(events_, [](const OrderedEvent& a, const OrderedEvent& b) {
      return a.row != b.row ? a.row < b.row : a.site < b.site;
    });
    for (OrderedEvent& ordered : events_) state_.events.push_back(std::move(ordered.event));
  }

  State& state_;
  const at::Tensor& latent_;
  StepInfo step_;
  StepClock clock_;
  std::vector<BranchEvidence> evidence_;
  std::vector<at::Tensor> predictions_;
  std::vector<bool> ran_;  ///< by branch: any unit ran in this step
  std::vector<OrderedEvent> events_;
};

Denoiser::Denoiser(const Model& model, CachePolicy& policy, std::vector<Branch> branches,
                   std::span<const at::Tensor> text, std::vector<StepInfo> schedule, at::IntArrayRef latent_sizes,
                   const EngineOptions& options)
    : state_(new State{.model = model,
                       .policy = policy,
                       .branches = std::move(branches),
                       .schedule = std::move(schedule),
                       .options = options,
                       .plan = {},
                       .site_tree = {},
                       .prediction_sites = {},
                       .clusters = {},
                       .context = nullptr,
                       .store = FeatureStore(options.max_cache_bytes),
                       .events = {},
                       .counts = {},
                       .step_records = {}}) {
  const c10::InferenceMode inference;
  state_->plan = policy.plan(model.topology(), state_->schedule);
  validate(state_->plan, model.topology());
  state_->site_tree = nest_sites(state_->plan);
  for (std::size_t site = 0; site < state_->plan.sites.size(); ++site) {
    if (state_->plan.sites[site].scope == Scope::kPrediction) {
      state_->prediction_sites.push_back(static_cast<int>(site));
    }
    const std::vector<int>& clusters = state_->plan.sites[site].cluster_of_channel;
    state_->clusters.push_back(clusters.empty() ? at::Tensor() : at::tensor(clusters, at::kInt));
  }
  state_->context = model.prepare(text, state_->schedule, latent_sizes);
}

Denoiser::~Denoiser() = default;

std::vector<at::Tensor> Denoiser::predict(const at::Tensor& latent, int index) {
  const c10::InferenceMode inference;
  return Walk(*state_, latent, index).run();
}

const Plan& Denoiser::plan() const { return state_->plan; }
const std::vector<TraceEvent>& Denoiser::events() const { return state_->events; }
const EngineCounts& Denoiser::counts() const { return state_->counts; }
const FeatureStore& Denoiser::store() const { return state_->store; }
const std::vector<StepRecord>& Denoiser::step_records() const { return state_->step_records; }

}  // namespace ditto
