#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/trace.h"
#include "eval/report/trajectory.h"

namespace ditto {

/// Seconds of a run by what they went to. `rest`: embedding, projection, guidance, solver. `encode`: writing the clip;
/// 0 when none was written.
struct TimeBreakdown {
  double text = 0, units = 0, blends = 0, deciding = 0, rest = 0, decode = 0, encode = 0;

  std::vector<double> parts() const { return {text, units, blends, deciding, rest, decode, encode}; }
};
/// What the parts are called.
const std::vector<std::string>& time_part_names();

/// The metrics that every frame is scored by, in the order in which they are shown.
const std::vector<std::string>& frame_metrics();

/// A level that scores are compared with: "<policy> threshold".
struct Threshold {
  std::string label;
  double value = 0;
};

/// Bytes the store held after a step.
struct StepMemory {
  int node = 0;
  std::int64_t cache_bytes = 0;
};

/// One run under a cache policy beside full compute of the same prompt and noise, with all that a report shows of it.
struct RunDetail {
  std::string row, cache, prompt;
  double goal = 0;  ///< wanted speed-up of the setting; 0 when there is none
  std::uint64_t seed = 0;
  std::string command;  ///< that makes this run and its figures again
  Trace trace;
  std::vector<Threshold> thresholds;
  std::vector<StepError> errors;
  std::vector<StepMemory> memory;
  double final_error = 0;                ///< of the final latent: its distance from that of full compute, relative
  double seconds = 0, full_seconds = 0;  ///< of denoising
  TimeBreakdown time, full_time;
  std::map<std::string, std::vector<double>> frame_scores;  ///< by metric, one for each frame
  std::map<std::string, std::string> unavailable;           ///< by metric, why it has no scores
  std::vector<int> shown_frames;                            ///< those of the pictures; the worst one comes last
  at::Tensor pictures, full_pictures;                       ///< uint8 [shown frames, H, W, 3]

  double speedup() const { return full_seconds / seconds; }

  /// Writes `<stem>.json`, `<stem>.jsonl` (the trace) and `<stem>.safetensors`. Throws Error(kOutputFailed).
  void save(const std::filesystem::path& stem) const;
  /// Whether all three files are there.
  static bool exists(const std::filesystem::path& stem);
  /// Throws Error(kBadInputFile).
  static RunDetail load(const std::filesystem::path& stem);
};

/// Scores every frame by the metrics that a report shows, and picks the pictures: six frames evenly chosen and the
/// worst one by PSNR, no wider than a report needs. Clips are uint8 [T,H,W,3].
void compare_frames(RunDetail& detail, const at::Tensor& full, const at::Tensor& frames);

}  // namespace ditto
