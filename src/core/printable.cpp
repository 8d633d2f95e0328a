#include "core/printable.h"

#include <cstdint>

#include <fmt/format.h>

namespace ditto {
namespace {

/// Bytes of the well-formed UTF-8 character that `text` begins with and its code point; 0 bytes when ill-formed.
std::size_t decode_utf8(std::string_view text, std::uint32_t& code_point) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  std::size_t length = 0;
  if (first < 0x80) {
    length = 1;
    code_point = first;
  } else if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
    code_point = first & 0x1Fu;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    code_point = first & 0x0Fu;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    code_point = first & 0x07u;
  }
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return 0;
    code_point = code_point << 6 | (byte(i) & 0x3Fu);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  return code_point < kLeast[length] || code_point > 0x10FFFF || surrogate ? 0 : length;
}

/// Controls, line separators and direction marks: they would break the line or forge what a terminal shows.
bool disturbs_a_line(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string result;
  while (!text.empty()) {
    if (result.size() >= max_bytes) return result + "...";
    std::uint32_t code_point = 0;
    const std::size_t length = decode_utf8(text, code_point);
    const std::size_t taken = length == 0 ? 1 : length;
    if (length != 0 && !disturbs_a_line(code_point)) {
      result.append(text.substr(0, taken));
    } else {
      for (const char c : text.substr(0, taken)) result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    text.remove_prefix(taken);
  }
  return result;
}

}  // namespace ditto
