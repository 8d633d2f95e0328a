#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "caches/registry.h"

namespace ditto {

/// The files an option of a policy names: none unless it is a file, or a profile of the user's own, which is two.
std::vector<std::filesystem::path> files_of_option(const std::string& option, const std::string& value);

/// The files that decisions come from: schedules, traces, and profiles that were named.
std::vector<std::filesystem::path> files_read_by(const std::vector<PolicySpec>& policies);

}  // namespace ditto
