#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "eval/record.h"
#include "eval/summary.h"

namespace ditto {

/// The best clip that the search found with that many computed steps.
struct OraclePoint {
  int computed = 0;
  double psnr = 0;      ///< to full compute, mean over frames
  std::string pattern;  ///< a letter for each step: C computed, R reuses the change made by all units
};

/// What was reachable for one prompt and seed by computing fewer steps and reusing the change of the whole stack in
/// between: the bar that policies are measured against (runtime/schedule_search.h).
struct OracleCurve {
  std::string key;                             ///< hash of the request, beam and rounds
  std::map<std::string, std::string> request;  ///< what was searched, beside prompt and seed: weights, size, steps, ...
  std::string prompt;
  std::uint64_t seed = 0;
  int steps = 0;
  int beam = 0;
  int rounds = 0;
  std::vector<OraclePoint> points;  ///< by ascending number of computed steps

  /// PSNR at that many computed steps, linear between points; none outside of them.
  std::optional<double> psnr_at(double computed) const;

  nlohmann::ordered_json to_json() const;
  /// Throws Error(kBadInputFile), messages beginning with `source`.
  static OracleCurve parse(const std::string& line, const std::string& source);
};

/// Why the curve says nothing about results of that request ("steps is 50 there and 30 here"); none when it does. What
/// `request` leaves out is not compared.
std::optional<std::string> mismatch(const OracleCurve& curve, const std::map<std::string, std::string>& request);

/// The curves of `path` (JSON Lines), the latest of every prompt and seed; none when the file does not exist.
std::vector<OracleCurve> read_oracle(const std::filesystem::path& path);

/// Sets SettingSummary::oracle_gap: mean, over the clips of the oracle's prompts, of the clip's PSNR minus the oracle's
/// at equal computed units. Settings with a clip outside the oracle's range, or without one of its prompts, have none.
void add_oracle_gaps(std::span<SettingSummary> settings, std::span<const EvaluationRecord> records,
                     std::span<const OracleCurve> oracle);

/// What the column means, on which prompts and how each was searched, for below the table; empty without curves.
std::string oracle_note(std::span<const OracleCurve> oracle);

}  // namespace ditto
