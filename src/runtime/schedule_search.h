#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/video_model.h"
#include "runtime/pipeline.h"

namespace ditto {

struct ScheduleSearchOptions {
  std::vector<int> computed;  ///< wanted numbers of computed steps, each from 1 to the number of steps
  int beam = 4;               ///< runs kept for each number of computed steps, after every step
  int rounds = 0;             ///< afterwards, passes over the best schedule that move one computed step by one
  std::stop_token stop = {};
  /// After every evaluation of the network: how many were made, and at most will be.
  std::function<void(std::int64_t done, std::int64_t total)> on_evaluation = {};
};

/// A schedule in which steps are either computed or reuse the change made by all units in the last computed one.
struct FoundSchedule {
  std::string pattern;  ///< a letter for each step: C computed, R reused
  at::Tensor latents;   ///< what the run ends with, fp32
  double distance = 0;  ///< root mean square of its difference from the latents of full compute
};

/// The best schedules that a beam search finds for each wanted number of computed steps, nearest to full compute first,
/// at most `beam` of them. It sees every step of the model itself, so no policy can decide like it: it is what policies
/// are measured against. All runs go forward together; of those with equally many computed steps the nearest to full
/// compute's latent at that step are kept, the nearest for each time since the last computed step before others. The
/// rounds then judge by the final latent: a move that brings it nearer is kept, until a round has none.
/// Throws as resolve() does, Error(kUsage) for wanted numbers out of range, and Cancelled.
std::map<int, std::vector<FoundSchedule>> search_schedules(const VideoModel& model, const Request& request,
                                                           const ScheduleSearchOptions& options);

}  // namespace ditto
