#pragma once

#include <string>

#include "caches/registry.h"

namespace ditto {

/// Throws Error(kUsage) "--cache: <option>: <what>; accepted: <accepted>"; an option is written "policy:option".
[[noreturn]] void refuse_option(const std::string& option, const std::string& what, const std::string& accepted);

/// Refuses an option that was given although it has no effect: `why` completes "has no effect ...". The option's
/// default is kAutomatic.
void refuse_without_effect(const PolicyOptions& options, const std::string& policy, const std::string& option,
                           const std::string& why);

}  // namespace ditto
