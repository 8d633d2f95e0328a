#pragma once

#include <string>
#include <string_view>

namespace ditto {

/// Replaces named and numeric HTML 5 character references as Python's html.unescape does, including its treatment of
/// references without a semicolon and of invalid code points. `text` must be valid UTF-8.
std::string unescape_html(std::string_view text);

}  // namespace ditto
