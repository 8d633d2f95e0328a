#include "runtime/pipeline.h"

#include <algorithm>
#include <chrono>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <fmt/format.h>

#include "core/error.h"
#include "runtime/guidance.h"
#include "runtime/run_setup.h"
#include "runtime/settled_names.h"

namespace ditto {
namespace {

/// Full compute: no site, so the engine never asks.
class NoPolicy : public CachePolicy {
 public:
  Plan plan(const Topology&, std::span<const StepInfo>) override { return {}; }
  Decision decide(const DecisionPoint&) override { return Decision::recompute(""); }
};

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

void check_grid(const StepGrid& grid, int steps) {
  const bool nodes_fit = grid.size() >= 1 && grid.nodes.front() == 0 && grid.nodes.back() < steps &&
                         std::ranges::adjacent_find(grid.nodes, std::greater_equal{}) == grid.nodes.end();
  // As the solvers hold them.
  const auto stays = [](double a, double b) { return static_cast<float>(a) <= static_cast<float>(b); };
  const bool sigmas_fit = grid.sigmas.size() == grid.nodes.size() + 1 && grid.sigmas.back() == 0 &&
                          std::ranges::adjacent_find(grid.sigmas, stays) == grid.sigmas.end();
  if (!nodes_fit || !sigmas_fit) {
    throw Error(ExitCode::kUsage, fmt::format("--cache: the grid of steps it asks for is not possible; accepted: "
                                              "ascending nodes from 0, below {}, and noise levels that fall to 0",
                                              steps));
  }
}

TraceRun trace_run(const VideoModel& model, const ResolvedRequest& request, const StepGrid& grid, const Plan& plan,
                   std::vector<std::string> policy_names) {
  TraceRun run;
  run.version = DITTO_VERSION;
  run.model = model.denoiser().topology().identity;
  run.policies = std::move(policy_names);
  run.sites = plan.sites;
  run.seed = request.seed;
  run.solver = request.solver;
  run.shift = request.shift;
  run.guidance = request.guidance;
  run.width = request.width;
  run.height = request.height;
  run.frames = request.frames;
  run.steps = request.steps;
  run.grid = grid;
  run.branches = request.branches;
  run.units = model.denoiser().topology().unit_count();
  return run;
}

class Run {
 public:
  Run(const VideoModel& model, const Request& request, CachePolicy& policy, const GenerateOptions& options)
      : model_(model), request_(resolve(model, request)), options_(options), policy_(policy) {
    solver_ = solver_for(model, request_);
    policy.begin(model.denoiser().topology(), run_info(request_));
    grid_ = policy.shape_grid(solver_->full_grid(request_.steps));
    check_grid(grid_, request_.steps);
    result_.noise = noise_of(request, request_);
    const Stopwatch stopwatch;
    const std::vector<at::Tensor> text = encode_prompts(model, request_);
    result_.seconds.text = stopwatch.seconds();
    schedule_ = schedule_of(*solver_, grid_, request_.steps);
    denoiser_ = std::make_unique<Denoiser>(model.denoiser(), policy, request_.branches, text, schedule_,
                                           request_.latent_sizes, options.engine);
  }

  Result finish() && {
    denoise();
    if (options_.decode) decode();
    collect();
    return std::move(result_);
  }

 private:
  void denoise() {
    const Stopwatch stopwatch;
    solver_->begin(grid_);
    at::Tensor latent = result_.noise.to(model_.denoiser().device());
    for (int index = 0; index < grid_.size(); ++index) {
      check_stop();
      const Stopwatch step;
      const kernels::Velocity velocity = guide(denoiser_->predict(latent, index), request_.guidance);
      if (options_.on_prediction)
        options_.on_prediction(schedule_[static_cast<std::size_t>(index)], latent, kernels::guided(velocity));
      latent = solver_->advance(velocity, index, latent);
      if (!at::isfinite(latent).all().item<bool>()) {
        throw Error(
            ExitCode::kInternal,
            fmt::format("step {}: the latent has NaN or infinite values; accepted: finite ones (try full compute, "
                        "--dtype fp32, or other weights)",
                        grid_.nodes[static_cast<std::size_t>(index)]));
      }
      if (options_.on_step) options_.on_step({index, grid_.size(), step.seconds(), hit_rate(index)});
    }
    result_.latents = latent.to(at::kFloat);
    result_.seconds.denoise = stopwatch.seconds();
  }

  double hit_rate(int index) const {
    const std::size_t next = static_cast<std::size_t>(index) + 1;
    const int nodes = next < grid_.nodes.size() ? grid_.nodes[next] : request_.steps;
    const double passed = static_cast<double>(units_per_step()) * nodes;
    return passed > 0 ? 1 - static_cast<double>(denoiser_->counts().units_computed) / passed : 0;
  }

  std::int64_t units_per_step() const {
    return model_.denoiser().topology().unit_count() * static_cast<std::int64_t>(request_.branches.size());
  }

  void decode() {
    const Stopwatch stopwatch;
    const at::Tensor pixels =
        model_.decode(result_.latents, [this](int, int) { return !options_.stop.stop_requested(); });
    check_stop();
    result_.frames = to_frames(pixels);
    result_.seconds.decode = stopwatch.seconds();
  }

  void collect() {
    result_.counts = denoiser_->counts();
    result_.units_total = units_per_step() * request_.steps;
    result_.branch_steps_total = static_cast<std::int64_t>(request_.branches.size()) * request_.steps;
    result_.cache_bytes_peak = denoiser_->store().peak_bytes();
    result_.cache_refusals = denoiser_->store().refusals();
    result_.step_records = denoiser_->step_records();
    result_.trace.run = trace_run(model_, request_, grid_, denoiser_->plan(),
                                  settled_names(options_.policy_names, policy_.settled_options()));
    result_.trace.events = denoiser_->events();
    result_.warnings = policy_.warnings();
    result_.trace.result = TraceResult{"", result_.counts.units_computed, result_.units_total};
  }

  void check_stop() const {
    if (options_.stop.stop_requested()) throw Cancelled();
  }

  const VideoModel& model_;
  ResolvedRequest request_;
  const GenerateOptions& options_;
  const CachePolicy& policy_;
  std::unique_ptr<Solver> solver_;
  StepGrid grid_;
  std::vector<StepInfo> schedule_;
  std::unique_ptr<Denoiser> denoiser_;
  Result result_;
};

}  // namespace

at::Tensor draw_noise(std::uint64_t seed, at::IntArrayRef sizes) {
  return at::randn(sizes, at::make_generator<at::CPUGeneratorImpl>(seed), at::TensorOptions(at::kFloat));
}

Result generate(const VideoModel& model, const Request& request, const PolicyFactory& policy,
                const GenerateOptions& options) {
  const c10::InferenceMode inference;
  const std::unique_ptr<CachePolicy> object = policy();
  TORCH_CHECK(object, "generate: the policy factory returned nothing");
  return Run(model, request, *object, options).finish();
}

Result generate(const VideoModel& model, const Request& request, const GenerateOptions& options) {
  return generate(
      model, request, [] { return std::make_unique<NoPolicy>(); }, options);
}

RunOutline outline(const VideoModel& model, const Request& request, CachePolicy& policy) {
  const c10::InferenceMode inference;
  RunOutline outline;
  outline.request = resolve(model, request);
  const std::unique_ptr<Solver> solver = solver_for(model, outline.request);
  policy.begin(model.denoiser().topology(), run_info(outline.request));
  outline.grid = policy.shape_grid(solver->full_grid(outline.request.steps));
  check_grid(outline.grid, outline.request.steps);
  const std::vector<StepInfo> schedule = schedule_of(*solver, outline.grid, outline.request.steps);
  outline.plan = policy.plan(model.denoiser().topology(), schedule);
  validate(outline.plan, model.denoiser().topology());

  const std::vector<Branch>& branches = outline.request.branches;
  const int unit_count = model.denoiser().topology().unit_count();
  outline.decisions = rehearse(policy, outline.plan, schedule, branches);
  outline.units = count_units(outline.decisions, outline.plan, unit_count, outline.grid.size(), branches);
  outline.units_total = static_cast<std::int64_t>(branches.size()) * unit_count * outline.request.steps;

  const auto context =
      model.denoiser().prepare(encode_prompts(model, outline.request), schedule, outline.request.latent_sizes);
  const at::Tensor noise = draw_noise(outline.request.seed, outline.request.latent_sizes);
  const std::int64_t hidden_bytes = model.denoiser().embed(*context, noise, 0, {0}).hidden.bytes();
  for (const Site& site : outline.plan.sites) {
    const std::int64_t bytes =
        site.scope == Scope::kPrediction ? static_cast<std::int64_t>(noise.nbytes()) : hidden_bytes;
    const std::size_t holders = site.form == FeatureForm::kBranchDelta ? 1 : branches.size();
    outline.cache_bytes += site.keep * site.components() * bytes * static_cast<std::int64_t>(holders);
  }
  const double remembered = outline.plan.remembered_states * static_cast<double>(hidden_bytes) +
                            outline.plan.remembered_latents * static_cast<double>(noise.nbytes());
  outline.cache_bytes += static_cast<std::int64_t>(remembered * static_cast<double>(branches.size()));
  return outline;
}

}  // namespace ditto
