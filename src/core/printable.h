#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ditto {

/// `text` made safe for a one-line message: control characters and bytes that are not UTF-8 become `\xNN`, and what
/// exceeds `max_bytes` is cut and marked with `...`. Meant for names and values read from untrusted files.
std::string printable(std::string_view text, std::size_t max_bytes = 160);

}  // namespace ditto
