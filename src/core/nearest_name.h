#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ditto {

/// The candidate a mistyped `word` most likely meant: the least edit distance (insert, delete, replace, swap of
/// neighbours; case and `-`/`_` do not count), or a longer name that `word` begins. Empty when none is near.
std::string nearest_name(std::string_view word, std::span<const std::string> candidates);

}  // namespace ditto
