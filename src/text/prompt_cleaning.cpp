#include "text/prompt_cleaning.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>

#include <fmt/format.h>
#include <utf8proc.h>

#include "core/error.h"
#include "core/printable.h"
#include "text/html_entities.h"
#include "text/utf8.h"

namespace ditto {

namespace {

struct Replacement {
  char32_t code_point;
  std::string_view text;
};

/// Latin ligatures and digraphs (ftfy.chardata.LIGATURES), sorted by code point.
constexpr Replacement kLigatures[] = {
    {0x0132, "IJ"},      {0x0133, "ij"}, {0x0149, "\u02BCn"}, {0x01C4, "D\u017D"}, {0x01C5, "D\u017E"},
    {0x01C6, "d\u017E"}, {0x01C7, "LJ"}, {0x01C8, "Lj"},      {0x01C9, "lj"},      {0x01CA, "NJ"},
    {0x01CB, "Nj"},      {0x01CC, "nj"}, {0x01F1, "DZ"},      {0x01F2, "Dz"},      {0x01F3, "dz"},
    {0xFB00, "ff"},      {0xFB01, "fi"}, {0xFB02, "fl"},      {0xFB03, "ffi"},     {0xFB04, "ffl"},
    {0xFB05, "\u017Ft"}, {0xFB06, "st"},
};

std::string normalize(std::string_view text, int options) {
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &mapped, static_cast<utf8proc_option_t>(options | UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  // The input is valid UTF-8, so only memory can be missing.
  if (size < 0) throw std::bad_alloc();
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
}

bool is_width_variant(char32_t code_point) {
  return code_point == 0x3000 || (code_point >= 0xFF01 && code_point <= 0xFFEF);
}

bool is_single_quote(char32_t code_point) {
  return code_point == 0x02BC || (code_point >= 0x2018 && code_point <= 0x201B);
}

bool is_double_quote(char32_t code_point) { return code_point >= 0x201C && code_point <= 0x201F; }

std::string map_characters(std::string_view text) {
  std::string output;
  output.reserve(text.size());
  for (std::size_t offset = 0; offset < text.size();) {
    const auto [code_point, bytes] = decode_utf8(text, offset);
    const std::string_view character = text.substr(offset, bytes);
    offset += bytes;
    const auto ligature = std::ranges::lower_bound(kLigatures, code_point, {}, &Replacement::code_point);
    if (ligature != std::end(kLigatures) && ligature->code_point == code_point) {
      output += ligature->text;
    } else if (is_width_variant(code_point)) {
      output += normalize(character, UTF8PROC_COMPAT);
    } else if (is_single_quote(code_point)) {
      output += '\'';
    } else if (is_double_quote(code_point)) {
      output += '"';
    } else {
      output += character;
    }
  }
  return output;
}

/// ftfy repeats its mappings until nothing changes: the digraph U+0149, for one, becomes a curly quote first.
std::string fix_characters(std::string text) {
  for (;;) {
    std::string mapped = normalize(map_characters(text), 0);
    if (mapped == text) return mapped;
    text = std::move(mapped);
  }
}

std::string collapse_whitespace(std::string_view text) {
  std::string output;
  output.reserve(text.size());
  bool space_pending = false;
  for (std::size_t offset = 0; offset < text.size();) {
    const auto [code_point, bytes] = decode_utf8(text, offset);
    if (is_unicode_space(code_point)) {
      space_pending = !output.empty();
    } else {
      if (space_pending) output += ' ';
      space_pending = false;
      output += text.substr(offset, bytes);
    }
    offset += bytes;
  }
  return output;
}

}  // namespace

PromptCleaning parse_prompt_cleaning(std::string_view name) {
  for (const PromptCleaning cleaning : {PromptCleaning::kNone, PromptCleaning::kBasic, PromptCleaning::kFtfyLite}) {
    if (name == to_string(cleaning)) return cleaning;
  }
  throw Error(ExitCode::kUsage,
              fmt::format("--prompt-clean: unknown value '{}'; accepted: none, basic, ftfy-lite", printable(name)));
}

std::string_view to_string(PromptCleaning cleaning) {
  switch (cleaning) {
    case PromptCleaning::kNone:
      return "none";
    case PromptCleaning::kBasic:
      return "basic";
    case PromptCleaning::kFtfyLite:
      return "ftfy-lite";
  }
  throw Error(ExitCode::kInternal, "prompt cleaning: unknown value");
}

std::string clean_prompt(std::string_view utf8, PromptCleaning cleaning) {
  require_valid_utf8(utf8);
  std::string text(utf8);
  if (cleaning == PromptCleaning::kNone) return text;
  if (cleaning == PromptCleaning::kFtfyLite) text = fix_characters(std::move(text));
  return collapse_whitespace(unescape_html(unescape_html(text)));
}

}  // namespace ditto
