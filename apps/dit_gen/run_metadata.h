#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "apps/common/session.h"
#include "caches/registry.h"
#include "core/trace.h"
#include "runtime/pipeline.h"

namespace ditto {

/// What a video file says about the run that made it: enough to repeat it, and no path or time.
struct RunMetadata {
  std::string version;
  std::string prompt, negative;
  std::uint64_t seed = 0;
  int width = 0, height = 0, frames = 0, fps = 0, steps = 0;
  double guidance = 0, shift = 0;
  std::string solver, dtype, device, kernels, prompt_clean;
  int threads = 1;
  ModelIdentity model;
  std::vector<std::string> cache;  ///< resolved specifications; a file is named by its SHA-256
  std::optional<std::int64_t> cache_bytes;
  std::optional<std::string> noise_sha256;  ///< of the bytes of a given initial latent
  std::optional<std::string> trace;         ///< the run's own trace, when its decisions came from a file
  std::map<std::string, std::map<std::string, std::string>> decisions;  ///< by branch, by site: Trace::pattern
  std::int64_t units_computed = 0, units_total = 0;
  std::string frame_hash;

  nlohmann::ordered_json to_json() const;
  /// Throws Error(kBadInputFile), messages beginning with `source`, for text that is no such metadata.
  static RunMetadata parse(const std::string& text, const std::string& source);
};

/// What is recorded about a finished run.
struct RunRecord {
  const Session& session;
  const ResolvedRequest& request;
  const Result& result;
  const std::vector<PolicySpec>& policies;
  int fps = 0;
  std::optional<std::int64_t> cache_bytes;
  bool given_noise = false;
};
RunMetadata describe_run(const RunRecord& record);

/// The policies' resolved specifications without paths: a file is named by its SHA-256, a profile by that of the
/// SHA-256 of its two files.
std::vector<std::string> portable_names(const std::vector<PolicySpec>& policies);
/// The policies' specifications as they were given, joined by " + "; "none" without any.
std::string joined_names(const std::vector<PolicySpec>& policies);

/// SHA-256 of a tensor's bytes in row-major order.
std::string tensor_hash(const at::Tensor& tensor);

}  // namespace ditto
