#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "caches/registry.h"
#include "core/error.h"
#include "scripted_model.h"
#include "toy_support.h"

namespace ditto::test {

/// What a policy did to a scripted model, without solver and guidance.
struct PolicyRun {
  std::vector<std::vector<at::Tensor>> predictions;  ///< by step, then branch
  std::vector<TraceEvent> events;
  std::int64_t units_computed = 0;
  std::vector<std::int64_t> bytes;  ///< stored after each step
  std::int64_t bytes_peak = 0;

  std::string pattern(const std::string& site, Branch branch = Branch::kConditional) const {
    return pattern_of(events, static_cast<int>(predictions.size()), site, branch);
  }

  /// Of the only site the policy has.
  std::string pattern(Branch branch = Branch::kConditional) const { return pattern(events.at(0).site, branch); }
};

struct PolicySetup {
  std::vector<Branch> branches = {Branch::kConditional};
  std::function<at::Tensor(int step)> latent = [](int) { return latent_of({1}); };
  EngineOptions options = {};
};

inline const std::vector<Branch> kTwoBranches = {Branch::kConditional, Branch::kUnconditional};

/// What policies are told of such a run.
inline RunInfo run_info(int steps, std::vector<Branch> branches = {Branch::kConditional}) {
  RunInfo run;
  run.steps = steps;
  run.branches = std::move(branches);
  return run;
}

/// Runs a model under the policy of a specification over evenly falling noise levels.
inline PolicyRun run_policy(const Model& model, const std::string& specification, int steps,
                            const PolicySetup& setup = {}) {
  const std::unique_ptr<CachePolicy> policy = factory_of({specification})();
  policy->begin(model.topology(), run_info(steps, setup.branches));
  PolicyRun run;
  Denoiser denoiser(model, *policy, setup.branches, {}, even_schedule(steps), setup.latent(0).sizes(), setup.options);
  for (int step = 0; step < steps; ++step) {
    run.predictions.push_back({});
    for (const at::Tensor& prediction : denoiser.predict(setup.latent(step), step)) {
      run.predictions.back().push_back(prediction.clone());
    }
    run.bytes.push_back(denoiser.store().bytes());
  }
  run.events = denoiser.events();
  run.units_computed = denoiser.counts().units_computed;
  run.bytes_peak = denoiser.store().peak_bytes();
  return run;
}

/// The message with which a policy refuses its options or its run; empty when it does not.
inline std::string refusal_of(const std::string& specification, const Topology& topology, const RunInfo& run) {
  try {
    const std::unique_ptr<CachePolicy> policy = factory_of({specification})();
    policy->begin(topology, run);
    policy->plan(topology, even_schedule(run.steps));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// The latents of a full-compute run and of one under a policy are the same bits.
inline bool is_bit_exact(const VideoModel& model, const std::string& specification, int steps = 10) {
  const Request request = toy_request(steps);
  return same_bits(run_toy(model, request, {"none"}).latents, run_toy(model, request, {specification}).latents);
}

}  // namespace ditto::test
