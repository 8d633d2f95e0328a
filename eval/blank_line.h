#pragma once

#include <string_view>

namespace ditto {

/// Whether a line of JSON Lines holds nothing, as an editor or a concatenation leaves it: such lines are passed over.
inline bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

}  // namespace ditto
