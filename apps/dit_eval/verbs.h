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
  std::optional<double> crf;                   ///< also score clips as they come back from an mp4 of that quality
  std::optional<std::filesystem::path> clips;  ///< a folder of clips that another program made for the scenario
};

struct OracleArguments {
  std::filesystem::path scenario;
  std::filesystem::path folder;
  std::vector<int> computed;   ///< numbers of computed steps
  std::optional<int> prompts;  ///< so many of the scenario's first ones
  int beam = 4;
  int rounds = 2;
};

struct CompareArguments {
  std::filesystem::path reference, candidate;
  std::vector<std::string> metrics;  ///< empty: those that are available
  std::optional<double> crf;         ///< also score both clips as they come back from an mp4 of that quality
  bool align = false;
};

/// The verbs of dit-eval; each returns the exit code of its success and throws Error otherwise.
ExitCode run_scenario(Program& program, const RunArguments& arguments);
/// `oracle` names a file of dit-eval oracle other than the folder's own.
ExitCode report_results(Program& program, const std::filesystem::path& folder,
                        const std::optional<std::filesystem::path>& oracle);
ExitCode search_oracle(Program& program, const OracleArguments& arguments);
ExitCode compare_clips(Program& program, const CompareArguments& arguments);
ExitCode list_metrics(Program& program);

}  // namespace ditto
