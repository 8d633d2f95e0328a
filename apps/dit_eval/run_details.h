#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/dit_eval/scenario.h"
#include "eval/record.h"

namespace ditto {

/// Where the detail of a measured run lies in a folder of results, without extension.
std::filesystem::path detail_stem(const std::filesystem::path& folder, const EvaluationRecord& record);

/// The dit-gen command line that makes a run of a scenario again, with a report of it.
std::string run_command(const Scenario& scenario, const Request& request,
                        const std::vector<std::string>& specifications);

}  // namespace ditto
