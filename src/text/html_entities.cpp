#include "text/html_entities.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>

#include "text/utf8.h"

namespace ditto {

namespace {

struct Entity {
  std::string_view name;
  std::string_view replacement;
};

constexpr Entity kEntities[] = {
#include "text/html_entities.inc"
};

constexpr std::size_t kShortestName = 2;
constexpr std::size_t kMostNameCharacters = 32;

/// Code points of the references &#128; to &#159;: browsers read them as Windows-1252.
constexpr std::array<char32_t, 32> kWindows1252 = {0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                   0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008D, 0x017D, 0x008F,
                                                   0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                   0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

const Entity* find_entity(std::string_view name) {
  const auto found = std::ranges::lower_bound(kEntities, name, {}, &Entity::name);
  return found != std::end(kEntities) && found->name == name ? found : nullptr;
}

bool is_noncharacter(std::uint32_t number) {
  return (number >= 0xFDD0 && number <= 0xFDEF) || (number & 0xFFFE) == 0xFFFE;
}

bool is_unwanted_control(std::uint32_t number) {
  return (number >= 0x01 && number <= 0x08) || number == 0x0B || (number >= 0x0E && number <= 0x1F) || number == 0x7F;
}

void append_numeric_reference(std::string& output, std::uint32_t number) {
  if (number >= 0x80 && number <= 0x9F) {
    append_utf8(output, kWindows1252[number - 0x80]);
  } else if (number == 0 || (number >= 0xD800 && number <= 0xDFFF) || number > 0x10FFFF) {
    append_utf8(output, 0xFFFD);
  } else if (!is_unwanted_control(number) && !is_noncharacter(number)) {
    append_utf8(output, static_cast<char32_t>(number));
  }
}

/// Reads "#123;" or "#x1F;" (the semicolon is optional) at the start of `text`; returns the bytes it used, 0 if none.
std::size_t replace_numeric(std::string_view text, std::string& output) {
  if (!text.starts_with('#')) return 0;
  const bool hexadecimal = text.size() > 1 && (text[1] == 'x' || text[1] == 'X');
  const char* first = text.data() + (hexadecimal ? 2 : 1);
  const char* last = text.data() + text.size();
  std::uint32_t number = 0;
  const auto [end, status] = std::from_chars(first, last, number, hexadecimal ? 16 : 10);
  if (end == first) return 0;
  append_numeric_reference(output, status == std::errc::result_out_of_range ? 0x110000 : number);
  const auto used = static_cast<std::size_t>(end - text.data());
  return used + (end != last && *end == ';' ? 1 : 0);
}

/// Bytes of the candidate name at the start of `text`: up to 32 characters that may stand in a name, then a semicolon.
std::size_t candidate_bytes(std::string_view text) {
  constexpr std::string_view kStops("\t\n\f <&#;");
  std::size_t bytes = 0;
  for (std::size_t count = 0; count < kMostNameCharacters && bytes < text.size(); ++count) {
    if (kStops.find(text[bytes]) != std::string_view::npos) break;
    bytes += decode_utf8(text, bytes).bytes;
  }
  return bytes > 0 && bytes < text.size() && text[bytes] == ';' ? bytes + 1 : bytes;
}

/// Replaces the longest known name at the start of `text`; returns the bytes it used, 0 if no name is known.
std::size_t replace_named(std::string_view text, std::string& output) {
  for (std::size_t length = candidate_bytes(text); length >= kShortestName; --length) {
    if (const Entity* entity = find_entity(text.substr(0, length))) {
      output += entity->replacement;
      return length;
    }
  }
  return 0;
}

}  // namespace

std::string unescape_html(std::string_view text) {
  std::string output;
  output.reserve(text.size());
  while (!text.empty()) {
    const std::size_t ampersand = std::min(text.find('&'), text.size());
    output += text.substr(0, ampersand);
    text.remove_prefix(ampersand);
    if (text.empty()) break;
    text.remove_prefix(1);
    std::size_t used = replace_numeric(text, output);
    if (used == 0) used = replace_named(text, output);
    if (used == 0) output += '&';
    text.remove_prefix(used);
  }
  return output;
}

}  // namespace ditto
