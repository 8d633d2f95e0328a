#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "eval/report/run_detail.h"
#include "eval/summary.h"

namespace ditto {

/// What a report shows: curves and a table of many settings, or one run, or both.
struct ReportContents {
  std::string title;
  std::string machine;                   ///< one line
  std::string command;                   ///< that measures the settings and writes the report again
  std::vector<SettingSummary> settings;  ///< empty: a report of runs alone
  std::set<std::string> rivals;          ///< rows that spend fewer solver steps rather than cache
  std::vector<RunDetail> runs;
  std::string without_runs;  ///< what is said when there are none
};

/// The report as one HTML page that needs no other file. Every plot of it is also written into the folder `plots`,
/// which exists: charts as SVG, pictures as PNG. Throws Error(kOutputFailed).
std::string render_report(const ReportContents& contents, const std::filesystem::path& plots);

}  // namespace ditto
