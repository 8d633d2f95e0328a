#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace ditto {

/// Bounds on untrusted JSON; what exceeds them is refused before it costs time or memory.
struct JsonLimits {
  std::uint64_t max_bytes = 64ull << 20;
  int max_depth = 64;
  std::uint64_t max_values = 4'000'000;
};

/// The JSON document in `path`. Throws `Error(kBadInputFile)`, one line with file and byte offset, for an unreadable
/// file, a syntax error, NaN or a number beyond double, invalid UTF-8, a duplicate key or a breach of `limits`.
nlohmann::json read_json_file(const std::filesystem::path& path, const JsonLimits& limits = {});

/// The same rules for text in memory (a line of JSON Lines); messages begin with `source`.
nlohmann::json parse_json(std::string_view text, const std::string& source, const JsonLimits& limits = {});

/// Accepted integers, both ends included.
struct IntegerRange {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

/// Accepted numbers, both ends included.
struct NumberRange {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

/// Typed reading of one JSON object. Every getter throws `Error(kBadInputFile)` "source: key: what is wrong; what is
/// accepted" for a wrong type or a value out of range, and for a missing key without fallback. A null counts as
/// missing. The object is not copied and must outlive the reader.
class JsonReader {
 public:
  /// `source` is what messages begin with, usually the file; throws when `object` is not a JSON object.
  JsonReader(const nlohmann::json& object, std::string source, std::string key_prefix = {});

  /// Whether the key is there and not null.
  bool has(std::string_view key);

  bool boolean(std::string_view key, std::optional<bool> fallback = {});
  std::int64_t integer(std::string_view key, IntegerRange accepted = {}, std::optional<std::int64_t> fallback = {});
  /// The whole range of 64 bits, as seeds have it.
  std::uint64_t unsigned_integer(std::string_view key, std::optional<std::uint64_t> fallback = {});
  double number(std::string_view key, NumberRange accepted = {}, std::optional<double> fallback = {});
  std::string text(std::string_view key, std::optional<std::string> fallback = {});
  /// A text that must be one of `accepted`; a near miss is named.
  std::string choice(std::string_view key, std::span<const std::string> accepted,
                     std::optional<std::string> fallback = {});

  std::vector<std::int64_t> integers(std::string_view key, IntegerRange accepted = {},
                                     std::optional<std::vector<std::int64_t>> fallback = {});
  std::vector<double> numbers(std::string_view key, NumberRange accepted = {},
                              std::optional<std::vector<double>> fallback = {});
  std::vector<std::string> texts(std::string_view key, std::optional<std::vector<std::string>> fallback = {});

  /// A nested object, read with messages that name the dotted key.
  JsonReader object(std::string_view key);
  /// An array of objects; messages name `key[i]`.
  std::vector<JsonReader> objects(std::string_view key);
  /// The value as it stands, whatever its type (null included); throws when the key is missing.
  const nlohmann::json& value(std::string_view key);

  /// Keys present in the object that no getter asked for.
  std::vector<std::string> unknown_keys() const;
  /// Throws for the first unknown key, naming the nearest key that was asked for.
  void refuse_unknown_keys() const;

  /// Throws `Error(kBadInputFile)` "source: key: problem; accepted: ..." for a rule that only the caller knows.
  [[noreturn]] void fail(std::string_view key, const std::string& problem, const std::string& accepted) const;

 private:
  const nlohmann::json* present(std::string_view key);
  std::string dotted(std::string_view key) const;
  [[noreturn]] void fail_missing(std::string_view key, const std::string& accepted) const;

  const nlohmann::json* object_;
  std::string source_;
  std::string key_prefix_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace ditto
