#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/full_like.h>

#include "engine_run.h"
#include "scripted_model.h"

namespace ditto::test {

/// What unit `unit` adds at a step: the digits tell unit, step and branch, so that a sum shows where its terms are
/// from. Unit 0 adds step + 1, unit 1 ten times that, unit 2 a hundred times; the unconditional branch adds half a unit
/// more.
inline double numbered_output(int unit, int step, int branch) {
  const double scale = unit == 0 ? 1 : unit == 1 ? 10 : 100;
  return scale * (step + 1) + 0.5 * branch;
}

/// A model of numbered outputs; every unit is a block.
inline ScriptedModel numbered_model(int units = 3) {
  Script script;
  script.blocks = units;
  script.output = [](int unit, int step, int branch, const at::Tensor& hidden) {
    return at::full_like(hidden, numbered_output(unit, step, branch));
  };
  return ScriptedModel(std::move(script));
}

/// Latents 1000, 2000, 3000, ...
inline at::Tensor numbered_latent(int step, const EngineRun&) { return latent_of({1000.0F * (step + 1)}); }

/// Full compute at that step.
inline double numbered_prediction(int step, int branch = 0, int units = 3) {
  double sum = 1000 * (step + 1);
  for (int unit = 0; unit < units; ++unit) sum += numbered_output(unit, step, branch);
  return sum;
}

/// A site over units [begin, end) under a name of its own.
inline Site named_site(std::string name, int begin, int end, FeatureForm form, int keep = 1) {
  return {std::move(name), Scope::kUnits, begin, end, form, keep};
}

/// Recomputes at step 0 and reuses ever after.
inline Decision reuse_after_first(const DecisionPoint& point) {
  return point.step.index == 0 ? Decision::recompute("first") : Decision::reuse("later");
}

}  // namespace ditto::test
