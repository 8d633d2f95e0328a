#pragma once

#include <string>
#include <vector>

#include "core/cache_policy.h"

namespace ditto {

/// Names of the policies of a run, "policy:key=value,...", with what was settled in place of kAutomatic.
std::vector<std::string> settled_names(std::vector<std::string> names, const std::vector<SettledOption>& settled);

}  // namespace ditto
