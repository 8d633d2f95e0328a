#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/program.h"
#include "core/error.h"

namespace ditto {

struct RunArguments {
  std::filesystem::path scenario;
  std::filesystem::path folder;
};

struct CompareArguments {
  std::filesystem::path reference, candidate;
  std::vector<std::string> metrics;  ///< empty: those that are available
  std::optional<double> crf;         ///< also score both clips as they come back from an mp4 of that quality
  bool align = false;
};

/// The verbs of dit-eval; each returns the exit code of its success and throws Error otherwise.
ExitCode run_scenario(Program& program, const RunArguments& arguments);
ExitCode report_results(Program& program, const std::filesystem::path& folder);
ExitCode compare_clips(Program& program, const CompareArguments& arguments);
ExitCode list_metrics(Program& program);

}  // namespace ditto
