#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/denoiser.h"
#include "toy_support.h"

namespace ditto::test {

/// What came out of a run of the engine alone, without solver and guidance.
struct EngineRun {
  std::vector<std::vector<at::Tensor>> predictions;  ///< by step, then branch
  std::vector<TraceEvent> events;
  EngineCounts counts;
  std::int64_t bytes_peak = 0;

  std::string pattern(const std::string& site, Branch branch = Branch::kConditional) const {
    return pattern_of(events, static_cast<int>(predictions.size()), site, branch);
  }
};

/// The latent entering a step, given what the steps before it predicted.
using LatentAt = std::function<at::Tensor(int step, const EngineRun& so_far)>;

struct EngineSetup {
  std::vector<Branch> branches = {Branch::kConditional};
  std::vector<at::Tensor> text = {};  ///< one per branch; may be left out with models that ignore it
  EngineOptions options = {};
  std::vector<StepInfo> schedule = {};  ///< of a policy that has begun its run; even_schedule when empty
};

inline const std::vector<Branch> kBothBranches = {Branch::kConditional, Branch::kUnconditional};

/// What policies are told of such a run.
inline RunInfo engine_run_info(int steps, const EngineSetup& setup = {}) {
  return {.solver = "euler",
          .shift = 3,
          .guidance = 2,
          .steps = steps,
          .width = 16,
          .height = 16,
          .frames = 5,
          .branches = setup.branches};
}

/// Drives the engine over a number of steps.
inline EngineRun run_engine(const Model& model, CachePolicy& policy, int steps, const LatentAt& latent_at,
                            const EngineSetup& setup = {}) {
  EngineRun run;
  at::Tensor latent = latent_at(0, run);
  if (setup.schedule.empty()) policy.begin(model.topology(), engine_run_info(steps, setup));
  Denoiser denoiser(model, policy, setup.branches, setup.text,
                    setup.schedule.empty() ? even_schedule(steps) : setup.schedule, latent.sizes(), setup.options);
  for (int step = 0; step < steps; ++step) {
    if (step > 0) latent = latent_at(step, run);
    run.predictions.push_back({});
    for (const at::Tensor& prediction : denoiser.predict(latent, step)) {
      run.predictions.back().push_back(prediction.clone());
    }
    run.events = denoiser.events();
  }
  run.counts = denoiser.counts();
  run.bytes_peak = denoiser.store().peak_bytes();
  return run;
}

/// The same for the policy a specification describes.
inline EngineRun run_engine(const Model& model, const std::string& specification, int steps, const LatentAt& latent_at,
                            const EngineSetup& setup = {}) {
  const std::unique_ptr<CachePolicy> policy = factory_of({specification})();
  return run_engine(model, *policy, steps, latent_at, setup);
}

}  // namespace ditto::test
