#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "eval/record.h"

namespace ditto {

/// A score over the clips that have it.
struct ScoreSummary {
  double mean = 0;
  std::optional<double> standard_error;  ///< of the mean, over prompts; nothing is known of it with a single one
  double worst = 0;                      ///< of the least favourable clip
  int clips = 0;
};

/// One line of a table: a setting over all prompts and seeds.
struct SettingSummary {
  std::string row, cache;
  double goal = 0;
  int clips = 0;
  double seconds = 0;      ///< median of denoising
  double speedup = 0;      ///< median of full over cached seconds, pair by pair
  double computed = 0;     ///< share of the units computed
  double cache_bytes = 0;  ///< below 0 when not measured
  std::map<std::string, ScoreSummary> scores;
  std::optional<double> oracle_gap;        ///< PSNR above that of the oracle (eval/oracle.h) in dB, on its prompts
  std::optional<double> caption_accuracy;  ///< share of the prompts with attributes that came out right
};

/// Records folded by row and setting, in the order in which they first appear.
std::vector<SettingSummary> summarise(std::span<const EvaluationRecord> records);

/// Takes out the scores that only some of a setting's clips have, as when a run went on with other metrics: their means
/// are not over the clips of the others. Their names, each once.
std::vector<std::string> drop_partial_scores(std::vector<SettingSummary>& settings);

/// Over how many clips the settings are, in words: "2", or "1 to 2" where they differ, as after an interruption. At
/// least one setting.
std::string clip_counts(std::span<const SettingSummary> settings);

double median(std::vector<double> values);

}  // namespace ditto
