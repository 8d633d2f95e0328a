#pragma once

#include <filesystem>
#include <vector>

#include "apps/common/program.h"
#include "apps/common/session.h"
#include "caches/profiling/array_group.h"
#include "core/profile.h"
#include "runtime/pipeline.h"

namespace ditto {

/// What to measure. All requests have the same settings but for prompt, negative prompt and seed.
struct ProfileSettings {
  const Session& session;
  std::vector<Request> requests;
  ArrayGroups groups;
  int edge_runs = 0;  ///< of how many requests, from the first on, edges are measured
  int max_skip = 0;   ///< longest edge
  std::filesystem::path output;
  bool overwrite = false;
};

/// Runs the full model over all requests, or over those an earlier, interrupted call did not finish, and writes the
/// profile. Throws Error(kInterrupted) when the program is asked to stop: what is finished is kept beside the output,
/// and the same call goes on from there to the same profile.
Profile measure_profile(Program& program, const ProfileSettings& settings);

}  // namespace ditto
