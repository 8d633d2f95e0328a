#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "engine_run.h"
#include "scripted_model.h"

namespace ditto::test {

/// What a policy does at a site of a model without interesting features: "CCRRC...".
inline std::string scripted_pattern(const std::string& specification, int steps, const std::string& site,
                                    int blocks = 2) {
  Script script;
  script.blocks = blocks;
  const auto latent = [](int, const EngineRun&) { return latent_of({1.0F}); };
  return run_engine(ScriptedModel(script), specification, steps, latent).pattern(site);
}

/// The steps computed at that site.
inline std::vector<int> computed_steps(const std::string& specification, int steps, const std::string& site) {
  return steps_of(scripted_pattern(specification, steps, site), 'C');
}

/// The message with which a specification is refused; "accepted" when it is not.
inline std::string refusal_of(const std::string& specification, ExitCode code = ExitCode::kUsage) {
  try {
    factory_of({specification})();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "accepted";
}

/// The message with which a run of the toy model is refused.
inline std::string run_refusal(const std::vector<std::string>& specifications, const Request& request,
                               ExitCode code = ExitCode::kUsage) {
  try {
    run_toy(ToyModel(), request, specifications);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  return "accepted";
}

/// Whether a run of the toy model gives the bits of full compute.
inline bool is_full_compute(const std::string& specification, int steps = 10) {
  const ToyModel toy;
  const Result result = run_toy(toy, toy_request(steps), {specification});
  return same_bits(result.latents, run_toy(toy, toy_request(steps), {}).latents) &&
         result.counts.units_computed == result.units_total;
}

}  // namespace ditto::test
