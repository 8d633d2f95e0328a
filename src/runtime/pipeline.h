#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/cache_policy.h"
#include "core/trace.h"
#include "core/video_model.h"
#include "runtime/denoiser.h"
#include "runtime/rehearsal.h"

namespace ditto {

/// What to generate. Whatever is not set is the model's own default.
struct Request {
  std::string prompt;
  std::string negative;
  std::uint64_t seed = 42;
  std::optional<int> width, height, frames, steps;
  std::optional<double> guidance, shift;
  std::optional<std::string> solver;
  at::Tensor noise;  ///< initial latent [1, channels, frames, height, width], fp32; drawn from the seed when undefined
};

/// A request with the model's defaults filled in and checked against the model.
struct ResolvedRequest {
  std::string prompt, negative;
  std::uint64_t seed = 42;
  int width = 0, height = 0, frames = 0, steps = 0;
  double guidance = 1, shift = 1;
  std::string solver;
  std::vector<std::int64_t> latent_sizes;
  std::vector<Branch> branches;  ///< one when guidance <= 1 or the model is guidance-distilled
};

/// Throws Error(kUsage) naming the option for sizes, step counts, solvers or noise the model cannot take, and
/// Error(kOutOfMemory) when the estimate of the memory needed exceeds what the machine has.
ResolvedRequest resolve(const VideoModel& model, const Request& request);

/// Report of one finished denoising step.
struct StepProgress {
  int index = 0, count = 0;
  double seconds = 0;   ///< of this step
  double hit_rate = 0;  ///< share of units not computed so far, jumped steps included
};

struct GenerateOptions {
  EngineOptions engine;
  std::vector<std::string> policy_names;  ///< resolved specifications; the trace has what was settled for kAutomatic
  std::stop_token stop;                   ///< checked between steps and between chunks of the decoder
  std::function<void(const StepProgress&)> on_step;
  /// Latent entering a step, and its guided prediction.
  std::function<void(const StepInfo&, const at::Tensor& latent, const at::Tensor& prediction)> on_prediction;
  bool decode = true;
};

/// Wall time of each phase.
struct PhaseSeconds {
  double text = 0, denoise = 0, decode = 0;
};

struct Result {
  at::Tensor frames;                  ///< uint8 [frames, height, width, 3]; undefined without decoding
  at::Tensor latents;                 ///< fp32 [1, channels, frames, height, width] as the solver leaves them
  at::Tensor noise;                   ///< the initial latent
  std::vector<std::string> warnings;  ///< of the policy
  Trace trace;                        ///< without `result.frame_hash`: hashing is the caller's
  EngineCounts counts;
  std::int64_t units_total = 0;
  std::int64_t branch_steps_total = 0;
  std::int64_t cache_bytes_peak = 0;
  std::int64_t cache_refusals = 0;  ///< features that did not fit the byte budget
  PhaseSeconds seconds;
  std::vector<StepRecord> step_records;  ///< empty unless options.engine.record_steps
};

/// Thrown when the stop token was triggered; nothing is left behind.
class Cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "cancelled"; }
};

/// Makes the policy object of one run.
using PolicyFactory = std::function<std::unique_ptr<CachePolicy>()>;

/// The initial latent of a seed: equal to torch.randn with a CPU generator of that seed.
at::Tensor draw_noise(std::uint64_t seed, at::IntArrayRef sizes);

/// Generates one clip. Everything the run caches dies with it; the model may be used by other threads meanwhile.
Result generate(const VideoModel& model, const Request& request, const PolicyFactory& policy,
                const GenerateOptions& options = {});

/// Full compute.
Result generate(const VideoModel& model, const Request& request, const GenerateOptions& options = {});

/// What a run would do, without doing it: the steps it would visit, the sites it would decide at and what is known of
/// the decisions.
struct RunOutline {
  ResolvedRequest request;
  StepGrid grid;
  Plan plan;
  std::vector<RehearsedSite> decisions;
  UnitBounds units;
  std::int64_t units_total = 0;
  std::int64_t cache_bytes = 0;  ///< bound on stored features
};
RunOutline outline(const VideoModel& model, const Request& request, CachePolicy& policy);

}  // namespace ditto
