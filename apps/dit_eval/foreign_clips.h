#pragma once

#include <filesystem>
#include <vector>

#include "apps/dit_eval/scenario.h"
#include "eval/record.h"

namespace ditto {

/// A clip that another program made for a scenario's prompt and seed, beside its own full compute: a record without
/// scores, and where the frames of both are.
struct ForeignClip {
  EvaluationRecord record;
  std::filesystem::path frames, reference;
};

/// The clips that `folder`/clips.jsonl lists: one JSON object a line with the keys of a record but `goal`, `scores`,
/// `worst` and `frame_hash`, and with `frames` and `reference`, paths inside the folder to what dit-eval compare takes.
/// Throws Error(kBadInputFile), also for a prompt or seed that the scenario does not have.
std::vector<ForeignClip> read_foreign_clips(const std::filesystem::path& folder, const Scenario& scenario);

}  // namespace ditto
