#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ditto {

/// A decoded code point and the bytes it occupied.
struct Utf8Character {
  char32_t code_point;
  std::size_t bytes;
};

/// Throws Error(kUsage) naming `what` and the byte offset when `text` is not valid UTF-8 or contains NUL.
void require_valid_utf8(std::string_view text, std::string_view what = "prompt");

/// Decodes the character that starts at `offset`; `text` must be valid UTF-8 and `offset` inside it.
Utf8Character decode_utf8(std::string_view text, std::size_t offset);

void append_utf8(std::string& text, char32_t code_point);

/// Whether Python's str.isspace() (and its regular expressions' \s) counts the code point as whitespace.
bool is_unicode_space(char32_t code_point);

}  // namespace ditto
