#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "engine_run.h"
#include "scripted_model.h"

namespace ditto::test {

struct RunSetup {
  int steps = 10;
  std::vector<Branch> branches = {Branch::kConditional};
  LatentAt latent = {};  ///< ones when left out

  EngineSetup engine() const { return {branches, {}, {}}; }
};

/// Drives a model under the policy of a --cache specification.
inline EngineRun run_with(const Model& model, const std::string& specification, const RunSetup& setup = {}) {
  const std::vector<float> ones(static_cast<std::size_t>(model.topology().channels), 1.0F);
  const LatentAt constant = [&](int, const EngineRun&) { return latent_of(ones); };
  return run_engine(model, specification, setup.steps, setup.latent ? setup.latent : constant, setup.engine());
}

/// The number predicted at a step, of a model of one channel.
inline double value_at(const EngineRun& run, int step, std::size_t branch = 0) {
  return run.predictions.at(static_cast<std::size_t>(step)).at(branch).reshape({-1})[0].item<double>();
}

/// The message of the Error that such a run ends in; "accepted" when it does not.
inline std::string refusal_in(const Model& model, const std::string& specification, const RunSetup& setup = {}) {
  try {
    run_with(model, specification, setup);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace ditto::test
