#include "eval/report/table.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "eval/metrics/registry.h"
#include "eval/score_name.h"

namespace ditto {
namespace {

std::vector<std::string> metric_names(std::span<const SettingSummary> settings) {
  std::vector<std::string> names;
  for (const SettingSummary& setting : settings) {
    for (const auto& [metric, score] : setting.scores) {
      if (std::ranges::find(names, metric) == names.end()) names.push_back(metric);
    }
  }
  return names;
}

std::string score_text(const std::string& metric, const ScoreSummary& score) {
  const std::string error = score.standard_error ? fmt::format(" ± {:.1f}", *score.standard_error) : "";
  if (metric.starts_with("psnr")) return fmt::format("{:.1f}{} ({:.1f})", score.mean, error, score.worst);
  return fmt::format("{:.4f} ({:.4f})", score.mean, score.worst);
}

std::string line_of(const std::vector<std::string>& cells) { return fmt::format("| {} |\n", fmt::join(cells, " | ")); }

/// Text that ends no cell and no row.
std::string cell_of(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' || c == '\r' ? ' ' : c;
  }
  return cell;
}

}  // namespace

std::string markdown_table(std::span<const SettingSummary> settings) {
  const std::vector<std::string> metrics = metric_names(settings);
  const bool captions =
      std::ranges::any_of(settings, [](const SettingSummary& s) { return s.caption_accuracy.has_value(); });
  const bool goals = std::ranges::any_of(settings, [](const SettingSummary& s) { return s.goal > 0; });
  std::vector<std::string> head = {"row"};
  if (goals) head.emplace_back("goal");
  head.insert(head.end(), {"setting", "speed-up", "seconds", "units"});
  for (const std::string& metric : metrics) {
    head.push_back(metric.starts_with("psnr") ? metric + ", dB (worst clip)" : metric + " (worst clip)");
  }
  const bool oracle = std::ranges::any_of(settings, [](const SettingSummary& s) { return s.oracle_gap.has_value(); });
  if (oracle) head.emplace_back("dB to the oracle");
  if (captions) head.emplace_back("captions right");
  head.emplace_back("cache MiB");
  std::string table = line_of(head) + line_of(std::vector<std::string>(head.size(), "---"));
  for (const SettingSummary& setting : settings) {
    std::vector<std::string> cells = {cell_of(setting.row)};
    if (goals) cells.push_back(setting.goal > 0 ? fmt::format("{}x", setting.goal) : "");
    cells.push_back(fmt::format("`{}`", cell_of(setting.cache)));
    cells.push_back(fmt::format("{:.2f}x", setting.speedup));
    cells.push_back(fmt::format("{:.3f}", setting.seconds));
    cells.push_back(fmt::format("{:.0f} %", 100 * setting.computed));
    for (const std::string& metric : metrics) {
      const auto score = setting.scores.find(metric);
      cells.push_back(score == setting.scores.end() ? "" : score_text(metric, score->second));
    }
    if (oracle) cells.push_back(setting.oracle_gap ? fmt::format("{:+.1f}", *setting.oracle_gap) : "");
    if (captions) cells.push_back(setting.caption_accuracy ? fmt::format("{:.2f}", *setting.caption_accuracy) : "");
    cells.push_back(setting.cache_bytes < 0 ? "" : fmt::format("{:.1f}", setting.cache_bytes / 0x1p20));
    table += line_of(cells);
  }
  return table;
}

std::set<std::string> score_names_of(std::span<const SettingSummary> settings) {
  std::set<std::string> names;
  for (const SettingSummary& setting : settings) {
    for (const auto& [name, score] : setting.scores) names.insert(name);
  }
  return names;
}

std::string metric_conventions(const std::set<std::string>& score_names) {
  std::string text;
  for (const MetricEntry& metric : metrics()) {
    if (std::ranges::find(score_names, metric.name, metric_of) == score_names.end()) continue;
    text += fmt::format("{}{}: {}.", text.empty() ? "" : " ", metric.name, metric.convention);
  }
  return text;
}

std::string machine_line(const nlohmann::ordered_json& machine) {
  const auto text = [&](const char* key) {
    return machine.contains(key) ? machine[key].get<std::string>() : "unknown";
  };
  const std::string clips = machine.value("clips", "");
  return fmt::format("{}, {}, {} thread(s), {}, {}; LibTorch {}, Ditto {} at {}, {}{}", text("processor"),
                     text("vector_instructions"), machine.value("threads", 1), text("blas"), text("onednn"),
                     text("libtorch"), text("ditto"), text("commit"), text("dtype"),
                     clips.empty() ? "" : "; clips of other programs: " + clips);
}

}  // namespace ditto
