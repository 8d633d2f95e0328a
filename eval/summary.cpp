#include "eval/summary.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "eval/metrics/registry.h"
#include "eval/score_name.h"

namespace ditto {
namespace {

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Of the mean of independent values.
std::optional<double> standard_error(const std::vector<double>& values) {
  if (values.size() < 2) return std::nullopt;
  const double mean = mean_of(values), count = static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (count - 1) / count);
}

/// Clips of one prompt resemble each other, so the error is one over prompts.
ScoreSummary summarise_score(const std::string& name, const std::map<std::string, std::vector<double>>& by_prompt) {
  std::vector<double> values, prompt_means;
  for (const auto& [prompt, scores] : by_prompt) {
    values.insert(values.end(), scores.begin(), scores.end());
    prompt_means.push_back(mean_of(scores));
  }
  const auto entry = std::ranges::find(metrics(), metric_of(name), &MetricEntry::name);
  const bool higher = entry == metrics().end() || entry->better == BetterScore::kHigher;
  return {mean_of(values), standard_error(prompt_means), higher ? std::ranges::min(values) : std::ranges::max(values),
          static_cast<int>(values.size())};
}

SettingSummary summarise_setting(const std::vector<const EvaluationRecord*>& records) {
  const EvaluationRecord& first = *records.front();
  SettingSummary summary;
  summary.row = first.row;
  summary.cache = first.cache;
  summary.goal = first.goal;
  summary.clips = static_cast<int>(records.size());
  summary.cache_bytes = static_cast<double>(first.cache_bytes);
  std::vector<double> seconds, speedups, computed, captions;
  std::map<std::string, std::map<std::string, std::vector<double>>> scores;  // by metric and prompt
  for (const EvaluationRecord* record : records) {
    seconds.push_back(record->seconds);
    speedups.push_back(record->full_seconds / record->seconds);
    computed.push_back(static_cast<double>(record->units_computed) / static_cast<double>(record->units_total));
    summary.cache_bytes = std::max(summary.cache_bytes, static_cast<double>(record->cache_bytes));
    if (record->caption_right) captions.push_back(*record->caption_right ? 1 : 0);
    for (const auto& [metric, score] : record->scores) scores[metric][record->prompt].push_back(score);
  }
  summary.seconds = median(seconds);
  summary.speedup = median(speedups);
  summary.computed = mean_of(computed);
  for (const auto& [metric, by_prompt] : scores) summary.scores[metric] = summarise_score(metric, by_prompt);
  if (!captions.empty()) summary.caption_accuracy = mean_of(captions);
  return summary;
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::vector<std::string> drop_partial_scores(std::vector<SettingSummary>& settings) {
  std::set<std::string> dropped;
  for (SettingSummary& setting : settings) {
    std::erase_if(setting.scores, [&](const auto& score) {
      const bool partial = score.second.clips < setting.clips;
      if (partial) dropped.insert(score.first);
      return partial;
    });
  }
  return {dropped.begin(), dropped.end()};
}

std::string clip_counts(std::span<const SettingSummary> settings) {
  const auto [least, most] = std::ranges::minmax_element(settings, {}, &SettingSummary::clips);
  if (least->clips == most->clips) return std::to_string(least->clips);
  return fmt::format("{} to {}", least->clips, most->clips);
}

std::vector<SettingSummary> summarise(std::span<const EvaluationRecord> records) {
  std::vector<std::pair<std::string, std::vector<const EvaluationRecord*>>> groups;
  for (const EvaluationRecord& record : records) {
    const std::string key = record.row + '\n' + record.cache + '\n' + std::to_string(record.goal);
    auto it = std::ranges::find(groups, key, &decltype(groups)::value_type::first);
    if (it == groups.end()) it = groups.insert(groups.end(), {key, {}});
    it->second.push_back(&record);
  }
  std::vector<SettingSummary> summaries;
  for (const auto& [key, members] : groups) summaries.push_back(summarise_setting(members));
  return summaries;
}

}  // namespace ditto
