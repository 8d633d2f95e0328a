#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cache_policy.h"

namespace ditto {

/// Names of the policies of a run, "policy:key=value,...", with what was settled in place of kAutomatic.
std::vector<std::string> settled_names(std::vector<std::string> names, const std::vector<SettledOption>& settled);

/// The value of an option in the name of a policy; nothing where the policy has no such option.
std::optional<std::string_view> option_value(std::string_view name, std::string_view option);

}  // namespace ditto
