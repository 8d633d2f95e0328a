#pragma once

#include <memory>
#include <vector>

#include "caches/profiling/array_group.h"
#include "caches/profiling/measurement.h"
#include "core/cache_policy.h"
#include "core/profile.h"

namespace ditto {

/// Measures one full run: give the run its policy(), its predictions to see_step(), and take the profile at the end.
///
///     ProfileRecorder recorder(groups, resolve(model, request).latent_sizes);
///     options.on_prediction = [&](const auto&... seen) { recorder.see_step(seen...); };
///     const Result result = generate(model, request, [&] { return recorder.policy(); }, options);
///     const Profile profile = recorder.finish(result.latents);
class ProfileRecorder {
 public:
  /// ArrayGroup::kEdges is not for here: see runtime/segment_replay.h. `latent_sizes` are those of the run.
  ProfileRecorder(ArrayGroups groups, std::vector<std::int64_t> latent_sizes);
  ~ProfileRecorder();

  /// The observing policy of the one run that is measured: it computes everything. The recorder must outlive it. Its
  /// plan prices what is held, so outline() tells the memory that measuring takes.
  std::unique_ptr<CachePolicy> policy();

  /// The latent that enters a step, and the guided prediction made from it.
  void see_step(const StepInfo& step, const at::Tensor& latent, const at::Tensor& prediction);

  /// The profile of this run, without what is derived from runs (see combine()).
  Profile finish(const at::Tensor& final_latent);

 private:
  class Observer;
  void begin(const Topology& topology, const RunInfo& run);
  Plan plan() const;
  bool measures(ArrayGroup group) const { return groups_.contains(group); }
  std::vector<int> observed_blocks() const;

  ArrayGroups groups_;
  std::vector<std::int64_t> latent_sizes_;
  Topology topology_;
  RunInfo run_;
  std::vector<double> sigmas_;
  std::vector<std::unique_ptr<Measurement>> measurements_;
};

}  // namespace ditto
