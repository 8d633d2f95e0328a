#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cache_policy.h"
#include "core/site.h"
#include "core/step_grid.h"

namespace ditto {

/// First line of a trace: what ran. Empty or zero fields are left out of a hand-written schedule.
struct TraceRun {
  std::string version;
  ModelIdentity model;
  std::vector<std::string> policies;  ///< every policy with all its options resolved
  std::vector<Site> sites;
  std::uint64_t seed = 0;
  std::string solver;
  double shift = 0;
  double guidance = 0;
  int width = 0, height = 0, frames = 0;
  int steps = 0;  ///< nodes of the full grid
  StepGrid grid;  ///< what was visited; nodes that are absent were jumped over
  std::vector<Branch> branches;
  int units = 0;  ///< units of the model
};

/// One decision. `age`: executed steps since the newest snapshot, -1 without one. `weights`: newest snapshot first.
struct TraceEvent {
  int step = 0;  ///< node of the full grid
  Branch branch = Branch::kConditional;
  std::string site;
  Action action = Action::kRecompute;
  std::string reason;
  std::optional<double> score;
  int age = -1;
  std::vector<float> weights;
};

/// Last line: what came out, in units of the model.
struct TraceResult {
  std::string frame_hash;
  std::int64_t computed = 0;
  std::int64_t total = 0;
};

/// The record of a run: test oracle, plot input and, replayed, a schedule. It holds no time, path or duration, so equal
/// runs give equal bytes.
struct Trace {
  TraceRun run;
  std::vector<TraceEvent> events;
  std::optional<TraceResult> result;

  /// One letter per node of the full grid: C computed, R reused (one snapshot, weight 1), F forecast, '.' jumped over,
  /// '-' not asked.
  std::string pattern(std::string_view site, Branch branch) const;

  /// JSON Lines, one object a line.
  std::string to_json_lines() const;

  /// Written atomically; throws Error(kOutputFailed).
  void write(const std::filesystem::path& path) const;

  /// Reads a trace, or a schedule (a trace without scores and result). Throws Error(kBadInputFile) naming file and
  /// line.
  static Trace read(const std::filesystem::path& path);

  /// The same of a text; messages begin with `source`.
  static Trace parse(const std::string& text, const std::string& source);
};

}  // namespace ditto
