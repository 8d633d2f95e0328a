#include "text/sentencepiece_check.h"

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace ditto {
namespace {

// Field numbers of sentencepiece_model.proto.
constexpr std::uint64_t kModelNormalizer = 3, kModelDenormalizer = 5;
constexpr std::uint64_t kNormalizerCharsmap = 2;

std::optional<std::uint64_t> take_varint(std::string_view& message) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !message.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(message.front());
    message.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

/// Calls `accept` for every field that holds bytes, and passes over the others. False when the message is broken or
/// `accept` says so.
bool read_message(std::string_view message, const std::function<bool(std::uint64_t field, std::string_view)>& accept) {
  while (!message.empty()) {
    const std::optional<std::uint64_t> tag = take_varint(message);
    if (!tag) return false;
    std::size_t size = 0;
    switch (*tag & 7) {
      case 0:
        if (!take_varint(message)) return false;
        continue;
      case 1:
        size = 8;
        break;
      case 2: {
        const std::optional<std::uint64_t> length = take_varint(message);
        if (!length || *length > message.size()) return false;
        if (!accept(*tag >> 3, message.substr(0, *length))) return false;
        size = *length;
        break;
      }
      case 5:
        size = 4;
        break;
      default:
        return false;
    }
    if (size > message.size()) return false;
    message.remove_prefix(size);
  }
  return true;
}

/// A unit of a double-array trie as Darts-clone lays it out.
struct Unit {
  std::uint32_t bits;

  bool has_leaf() const { return (bits >> 8 & 1U) != 0; }
  std::uint32_t value() const { return bits & 0x7FFFFFFFU; }
  std::uint32_t label() const { return bits & 0x800000FFU; }
  std::uint32_t offset() const { return (bits >> 10) << ((bits & (1U << 9)) >> 6); }
};

/// Every step from the root stays in the array, and every value is the place of a text.
bool is_sound_trie(const std::vector<Unit>& units, std::size_t text_bytes) {
  std::vector<bool> seen(units.size());
  std::vector<std::uint32_t> open = {units.front().offset()};
  while (!open.empty()) {
    const std::uint32_t base = open.back();
    open.pop_back();
    if ((base | 0xFFU) >= units.size()) return false;
    if (seen[base]) continue;
    seen[base] = true;
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t place = base ^ byte;
      const Unit unit = units[place];
      if (unit.label() != byte) continue;
      const std::uint32_t next = place ^ unit.offset();
      if (unit.has_leaf() && (next >= units.size() || units[next].value() >= text_bytes)) return false;
      open.push_back(next);
    }
  }
  return true;
}

/// The trie's size in bytes (32 bits, little-endian), the trie, and texts that end in NUL.
bool is_sound_table(std::string_view table) {
  if (table.empty()) return true;
  std::uint32_t trie_bytes = 0;
  if (table.size() <= sizeof trie_bytes) return false;
  std::memcpy(&trie_bytes, table.data(), sizeof trie_bytes);
  table.remove_prefix(sizeof trie_bytes);
  if (trie_bytes == 0 || trie_bytes % sizeof(Unit) != 0 || trie_bytes >= table.size() || table.back() != '\0') {
    return false;
  }
  std::vector<Unit> units(trie_bytes / sizeof(Unit));
  std::memcpy(units.data(), table.data(), trie_bytes);
  return is_sound_trie(units, table.size() - trie_bytes);
}

}  // namespace

bool has_sound_tables(std::string_view model) {
  return read_message(model, [](std::uint64_t field, std::string_view part) {
    if (field != kModelNormalizer && field != kModelDenormalizer) return true;
    return read_message(part, [](std::uint64_t key, std::string_view bytes) {
      return key != kNormalizerCharsmap || is_sound_table(bytes);
    });
  });
}

}  // namespace ditto
