#pragma once

#include <filesystem>

#include "apps/common/program.h"
#include "core/error.h"

namespace ditto {

struct RunArguments {
  std::filesystem::path scenario;
  std::filesystem::path folder;
};

/// The verbs of dit-eval; each returns the exit code of its success and throws Error otherwise.
ExitCode run_scenario(Program& program, const RunArguments& arguments);
ExitCode report_results(Program& program, const std::filesystem::path& folder);
ExitCode list_metrics(Program& program);

}  // namespace ditto
