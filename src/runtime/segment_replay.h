#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "runtime/pipeline.h"

namespace ditto {

struct ReplayOptions {
  int max_skip = 8;  ///< longest segment: the largest distance between two computed steps
  EngineOptions engine = {};
  std::stop_token stop = {};           ///< checked between steps
  std::function<void()> on_step = {};  ///< after every step in which the network ran
};

/// What does it do to the final latent when one segment of a full run reuses the change made by all units? A segment
/// (i, j) computes the steps i and j and reuses the change of step i in between; everything before i and from j on is
/// computed. It starts from the latent and the solver's state of the full run at step i, so what lies before is not
/// repeated. The model must outlive it.
class SegmentReplay {
 public:
  /// Throws as resolve() does.
  SegmentReplay(const VideoModel& model, const Request& request, ReplayOptions options);
  ~SegmentReplay();

  /// Mean over the elements of |final latent with the segment (i, i + d) - final latent of the full run|, for d = 0 to
  /// max_skip: 0 for d = 1, NaN for d = 0 and where i + d is beyond the last step, infinity where the latent is not
  /// finite. Steps are asked for in ascending order; some may be left out. Throws Cancelled.
  std::vector<double> errors_from(int i);

  /// Steps in which the network runs for errors_from(i), besides those of the full run up to step i.
  static std::int64_t steps_from(int i, int step_count, int max_skip);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ditto
