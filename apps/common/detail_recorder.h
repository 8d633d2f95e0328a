#pragma once

#include "eval/report/run_detail.h"
#include "runtime/pipeline.h"

namespace ditto {

/// Gathers what a report shows of one run under a policy while it and full compute of the same request run.
class DetailRecorder {
 public:
  /// Makes runs with these options record themselves; the recorder must outlive them.
  void watch_full(GenerateOptions& options) { watch(options, full_); }
  void watch_cached(GenerateOptions& options) { watch(options, cached_); }

  /// Both results hold frames of one shape. Row, goal, cache, prompt, seed and command are the caller's.
  RunDetail finish(const Result& full, const Result& cached) const;

 private:
  static void watch(GenerateOptions& options, Trajectory& trajectory);

  Trajectory full_, cached_;
};

}  // namespace ditto
