#include "text/utf8.h"

#include <array>

#include <fmt/format.h>
#include <utf8proc.h>

#include "core/error.h"

namespace ditto {

namespace {

const utf8proc_uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

}  // namespace

void require_valid_utf8(std::string_view text, std::string_view what) {
  for (std::size_t offset = 0; offset < text.size();) {
    utf8proc_int32_t code_point = 0;
    const auto length = static_cast<utf8proc_ssize_t>(text.size() - offset);
    const utf8proc_ssize_t consumed = utf8proc_iterate(bytes_of(text) + offset, length, &code_point);
    if (consumed <= 0) {
      throw Error(ExitCode::kUsage, fmt::format("{}: byte 0x{:02x} at offset {} is not valid UTF-8; "
                                                "accepted: UTF-8 text",
                                                what, static_cast<unsigned char>(text[offset]), offset));
    }
    if (code_point == 0) {
      throw Error(ExitCode::kUsage,
                  fmt::format("{}: NUL character at offset {}; accepted: UTF-8 text without NUL", what, offset));
    }
    offset += static_cast<std::size_t>(consumed);
  }
}

Utf8Character decode_utf8(std::string_view text, std::size_t offset) {
  utf8proc_int32_t code_point = 0;
  const auto length = static_cast<utf8proc_ssize_t>(text.size() - offset);
  const utf8proc_ssize_t consumed = utf8proc_iterate(bytes_of(text) + offset, length, &code_point);
  return {static_cast<char32_t>(code_point), static_cast<std::size_t>(consumed)};
}

void append_utf8(std::string& text, char32_t code_point) {
  std::array<utf8proc_uint8_t, 4> encoded{};
  const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), encoded.data());
  text.append(reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(size));
}

bool is_unicode_space(char32_t code_point) {
  return (code_point >= 0x09 && code_point <= 0x0D) || (code_point >= 0x1C && code_point <= 0x20) ||
         code_point == 0x85 || code_point == 0xA0 || code_point == 0x1680 ||
         (code_point >= 0x2000 && code_point <= 0x200A) || code_point == 0x2028 || code_point == 0x2029 ||
         code_point == 0x202F || code_point == 0x205F || code_point == 0x3000;
}

}  // namespace ditto
