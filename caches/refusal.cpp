#include "caches/refusal.h"

#include <fmt/format.h>

#include "core/error.h"

namespace ditto {

void refuse_option(const std::string& option, const std::string& what, const std::string& accepted) {
  throw Error(ExitCode::kUsage, fmt::format("--cache: {}: {}; accepted: {}", option, what, accepted));
}

void refuse_without_effect(const PolicyOptions& options, const std::string& policy, const std::string& option,
                           const std::string& why) {
  if (options.is_automatic(option)) return;
  refuse_option(policy + ":" + option, "has no effect " + why, "leaving it out");
}

}  // namespace ditto
