#pragma once

#include <string>
#include <string_view>

namespace ditto {

/// Text as it may stand between tags or inside a quoted attribute of HTML and SVG: < > & and both quotes become
/// entities, control characters that XML cannot hold become U+FFFD.
std::string escape_markup(std::string_view text);

/// Base64 with padding (RFC 4648), for data: addresses.
std::string base64(std::string_view bytes);

}  // namespace ditto
