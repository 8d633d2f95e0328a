#include "runtime/segment_replay.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/mean.h>
#include <c10/core/InferenceMode.h>

#include "runtime/guidance.h"
#include "runtime/run_setup.h"

namespace ditto {
namespace {

/// Computes, or reuses the change of all units that was stored last.
class StackReuse : public CachePolicy {
 public:
  Plan plan(const Topology& topology, std::span<const StepInfo>) override {
    return {{unit_site(topology, 0, topology.unit_count(), FeatureForm::kDelta)}};
  }
  Decision decide(const DecisionPoint&) override {
    return reuses ? Decision::reuse("segment") : Decision::recompute("segment");
  }

  bool reuses = false;
};

class FullCompute : public CachePolicy {
 public:
  Plan plan(const Topology&, std::span<const StepInfo>) override { return {}; }
  Decision decide(const DecisionPoint&) override { return Decision::recompute(""); }
};

double mean_distance(const at::Tensor& a, const at::Tensor& b) {
  const double distance = (a - b).abs().mean(at::kDouble).item<double>();
  return std::isfinite(distance) ? distance : std::numeric_limits<double>::infinity();
}

}  // namespace

struct SegmentReplay::State {
  /// A run in the middle: the latent that enters a step, and the solver that made it.
  struct Position {
    at::Tensor latent;
    std::unique_ptr<Solver> solver;
    int step = 0;

    Position clone() const { return {latent, solver->clone(), step}; }
  };

  State(const VideoModel& video_model, const Request& request, ReplayOptions replay_options)
      : options(std::move(replay_options)), resolved(resolve(video_model, request)) {
    const c10::InferenceMode inference;
    const std::vector<at::Tensor> text = encode_prompts(video_model, resolved);
    position.solver = solver_for(video_model, resolved);
    const StepGrid grid = position.solver->full_grid(resolved.steps);
    const std::vector<StepInfo> schedule = schedule_of(*position.solver, grid, resolved.steps);
    const auto denoiser = [&](CachePolicy& policy) {
      return std::make_unique<Denoiser>(video_model.denoiser(), policy, resolved.branches, text, schedule,
                                        resolved.latent_sizes, options.engine);
    };
    cached = denoiser(reuse_policy);
    full = denoiser(full_policy);
    position.solver->begin(grid);
    position.latent = noise_of(request, resolved).to(video_model.denoiser().device());
  }

  void advance(Denoiser& denoiser, Position& at) const {
    if (options.stop.stop_requested()) throw Cancelled();
    const kernels::Velocity velocity = guide(denoiser.predict(at.latent, at.step), resolved.guidance);
    at.latent = at.solver->advance(velocity, at.step, at.latent);
    ++at.step;
    if (options.on_step && !(&denoiser == cached.get() && reuse_policy.reuses)) options.on_step();
  }

  at::Tensor finish(Position at) const {
    while (at.step < resolved.steps) advance(*full, at);
    return at.latent.to(at::kFloat);
  }

  ReplayOptions options;
  ResolvedRequest resolved;
  StackReuse reuse_policy;
  FullCompute full_policy;
  std::unique_ptr<Denoiser> cached;  ///< stores the change of all units of the step it computed last
  std::unique_ptr<Denoiser> full;
  Position position;     ///< of the full run
  at::Tensor reference;  ///< its final latent
};

SegmentReplay::SegmentReplay(const VideoModel& model, const Request& request, ReplayOptions options)
    : state_(std::make_unique<State>(model, request, std::move(options))) {}

SegmentReplay::~SegmentReplay() = default;

std::vector<double> SegmentReplay::errors_from(int i) {
  const c10::InferenceMode inference;
  State& state = *state_;
  TORCH_CHECK(i >= state.position.step && i < state.resolved.steps, "segments start in ascending order, got ", i);
  if (!state.reference.defined()) state.reference = state.finish(state.position.clone());
  state.reuse_policy.reuses = false;
  while (state.position.step <= i) state.advance(*state.cached, state.position);

  std::vector<double> errors(static_cast<std::size_t>(state.options.max_skip) + 1,
                             std::numeric_limits<double>::quiet_NaN());
  if (i + 1 < state.resolved.steps) errors[1] = 0;
  state.reuse_policy.reuses = true;
  State::Position segment = state.position.clone();
  for (int j = i + 2; j <= std::min(i + state.options.max_skip, state.resolved.steps - 1); ++j) {
    state.advance(*state.cached, segment);
    errors[static_cast<std::size_t>(j - i)] = mean_distance(state.finish(segment.clone()), state.reference);
  }
  return errors;
}

std::int64_t SegmentReplay::steps_from(int i, int step_count, int max_skip) {
  std::int64_t steps = 0;
  for (int j = i + 2; j <= std::min(i + max_skip, step_count - 1); ++j) steps += step_count - j;
  return steps;
}

}  // namespace ditto
