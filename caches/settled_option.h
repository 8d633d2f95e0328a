#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>

#include "core/cache_policy.h"

namespace ditto {

/// The value of an option in a run, for CachePolicy::settled_options().
template <typename Value>
SettledOption settled(const std::string& option, const Value& value, bool has_effect = true) {
  return {option, has_effect ? fmt::format("{}", value) : "none"};
}

/// A list, written a/b/c; an empty one has no effect.
template <typename Value>
SettledOption settled(const std::string& option, const std::vector<Value>& list, bool has_effect = true) {
  return settled(option, fmt::format("{}", fmt::join(list, "/")), has_effect && !list.empty());
}

}  // namespace ditto
