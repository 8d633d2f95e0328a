#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace ditto {

/// One measured run of a scenario: a clip made under a policy, compared with full compute of the same prompt and seed.
struct EvaluationRecord {
  std::string row;    ///< the scenario's row
  std::string cache;  ///< the specification as it was run
  double goal = 0;    ///< wanted speed-up of the setting; 0 when the row has none
  std::string prompt;
  std::uint64_t seed = 0;
  double seconds = 0;       ///< of denoising
  double full_seconds = 0;  ///< of denoising with full compute, measured beside it
  std::int64_t units_computed = 0, units_total = 0;
  std::int64_t branch_steps_computed = 0, branch_steps_total = 0;
  std::int64_t cache_bytes = 0;          ///< peak of the stored features; -1 when not measured
  std::map<std::string, double> scores;  ///< by score_name(), mean over frames
  std::map<std::string, double> worst;   ///< by score_name(), of the worst frame
  std::optional<bool> caption_right;     ///< whether every attribute the prompt names was read back from the clip
  std::string frame_hash;
  std::string inputs;  ///< digest of the files that the policies read, or of another program's reference; else empty

  /// Which clip it is: equal for the same row, setting, goal, prompt and seed.
  std::string key() const;

  nlohmann::ordered_json to_json() const;
  /// Throws Error(kBadInputFile), messages beginning with `source`.
  static EvaluationRecord parse(const std::string& line, const std::string& source);
};

/// The records of `path` (JSON Lines); none when the file does not exist. Blank lines are passed over, a torn last
/// line, left by a kill, is dropped, and a later record of a clip replaces an earlier one.
std::vector<EvaluationRecord> read_records(const std::filesystem::path& path);

/// Appends one record and flushes it to the disk. Throws Error(kOutputFailed).
void append_record(const std::filesystem::path& path, const EvaluationRecord& record);

}  // namespace ditto
