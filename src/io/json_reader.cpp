#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/nearest_name.h"
#include "core/printable.h"
#include "io/json_file.h"

namespace ditto {
namespace {

using nlohmann::json;

/// How a value is shown in a message: its text, cut short, never a dump of a large container.
std::string shown(const json& value) {
  if (value.is_object()) return fmt::format("an object of {} keys", value.size());
  if (value.is_array()) return fmt::format("an array of {} values", value.size());
  return printable(value.dump(-1, ' ', false, json::error_handler_t::replace), 80);
}

std::string describe(IntegerRange range) {
  constexpr IntegerRange kAny;
  if (range.min == kAny.min && range.max == kAny.max) return "an integer";
  if (range.max == kAny.max) return fmt::format("an integer from {}", range.min);
  if (range.min == kAny.min) return fmt::format("an integer up to {}", range.max);
  return fmt::format("an integer from {} to {}", range.min, range.max);
}

std::string describe(NumberRange range) {
  const bool below = std::isfinite(range.min), above = std::isfinite(range.max);
  if (!below && !above) return "a number";
  if (!above) return fmt::format("a number from {}", range.min);
  if (!below) return fmt::format("a number up to {}", range.max);
  return fmt::format("a number from {} to {}", range.min, range.max);
}

std::optional<std::int64_t> as_integer(const json& value, IntegerRange accepted) {
  if (!value.is_number_integer()) return {};
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t(INT64_MAX)) return {};
  const auto number = value.get<std::int64_t>();
  if (number < accepted.min || number > accepted.max) return {};
  return number;
}

std::optional<double> as_number(const json& value, NumberRange accepted) {
  if (!value.is_number()) return {};
  const auto number = value.get<double>();
  if (!(number >= accepted.min && number <= accepted.max)) return {};
  return number;
}

}  // namespace

JsonReader::JsonReader(const json& object, std::string source, std::string key_prefix)
    : object_(&object), source_(std::move(source)), key_prefix_(std::move(key_prefix)) {
  if (!object.is_object()) {
    const std::string key = key_prefix_.empty() ? "" : printable(key_prefix_) + ": ";
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: {}is {}; accepted: an object", printable(source_, 4096), key, shown(object)));
  }
}

std::string JsonReader::dotted(std::string_view key) const {
  return key_prefix_.empty() ? std::string(key) : key_prefix_ + "." + std::string(key);
}

void JsonReader::fail(std::string_view key, const std::string& problem, const std::string& accepted) const {
  throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}: {}; accepted: {}", printable(source_, 4096),
                                                   printable(dotted(key)), problem, accepted));
}

void JsonReader::fail_missing(std::string_view key, const std::string& accepted) const {
  std::vector<std::string> names;
  for (const auto& [name, value] : object_->items()) {
    if (!asked_.contains(name)) names.push_back(name);
  }
  const std::string near = nearest_name(key, names);
  const std::string hint = near.empty() || near == key ? "" : fmt::format(" (there is '{}')", printable(near));
  fail(key, "is missing" + hint, accepted);
}

const json* JsonReader::present(std::string_view key) {
  asked_.emplace(key);
  const auto found = object_->find(std::string(key));
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

bool JsonReader::has(std::string_view key) { return present(key) != nullptr; }

bool JsonReader::boolean(std::string_view key, std::optional<bool> fallback) {
  const json* value = present(key);
  if (!value && fallback) return *fallback;
  if (!value) fail_missing(key, "true or false");
  if (!value->is_boolean()) fail(key, "is " + shown(*value), "true or false");
  return value->get<bool>();
}

std::int64_t JsonReader::integer(std::string_view key, IntegerRange accepted, std::optional<std::int64_t> fallback) {
  const json* value = present(key);
  if (!value && fallback) return *fallback;
  if (!value) fail_missing(key, describe(accepted));
  const auto number = as_integer(*value, accepted);
  if (!number) fail(key, "is " + shown(*value), describe(accepted));
  return *number;
}

std::uint64_t JsonReader::unsigned_integer(std::string_view key, std::optional<std::uint64_t> fallback) {
  const std::string wanted = fmt::format("an integer from 0 to {}", std::numeric_limits<std::uint64_t>::max());
  const json* value = present(key);
  if (!value && fallback) return *fallback;
  if (!value) fail_missing(key, wanted);
  if (!value->is_number_unsigned()) fail(key, "is " + shown(*value), wanted);
  return value->get<std::uint64_t>();
}

double JsonReader::number(std::string_view key, NumberRange accepted, std::optional<double> fallback) {
  const json* value = present(key);
  if (!value && fallback) return *fallback;
  if (!value) fail_missing(key, describe(accepted));
  const auto number = as_number(*value, accepted);
  if (!number) fail(key, "is " + shown(*value), describe(accepted));
  return *number;
}

std::string JsonReader::text(std::string_view key, std::optional<std::string> fallback) {
  const json* value = present(key);
  if (!value && fallback) return *fallback;
  if (!value) fail_missing(key, "a text");
  if (!value->is_string()) fail(key, "is " + shown(*value), "a text");
  return value->get<std::string>();
}

std::string JsonReader::choice(std::string_view key, std::span<const std::string> accepted,
                               std::optional<std::string> fallback) {
  const std::string names = fmt::format("{}", fmt::join(accepted, ", "));
  const json* value = present(key);
  if (!value && fallback) return *fallback;
  if (!value) fail_missing(key, names);
  if (value->is_string()) {
    const auto& word = value->get_ref<const std::string&>();
    if (std::ranges::find(accepted, word) != accepted.end()) return word;
    const std::string near = nearest_name(word, accepted);
    if (!near.empty()) fail(key, fmt::format("is {} (did you mean '{}'?)", shown(*value), near), names);
  }
  fail(key, "is " + shown(*value), names);
}

std::vector<std::int64_t> JsonReader::integers(std::string_view key, IntegerRange accepted,
                                               std::optional<std::vector<std::int64_t>> fallback) {
  const std::string wanted = "an array, each " + describe(accepted);
  const json* value = present(key);
  if (!value && fallback) return *fallback;
  if (!value) fail_missing(key, wanted);
  if (!value->is_array()) fail(key, "is " + shown(*value), wanted);
  std::vector<std::int64_t> numbers;
  for (const json& item : *value) {
    const auto number = as_integer(item, accepted);
    if (!number) fail(key, fmt::format("value {} is {}", numbers.size(), shown(item)), wanted);
    numbers.push_back(*number);
  }
  return numbers;
}

std::vector<double> JsonReader::numbers(std::string_view key, NumberRange accepted,
                                        std::optional<std::vector<double>> fallback) {
  const std::string wanted = "an array, each " + describe(accepted);
  const json* value = present(key);
  if (!value && fallback) return *fallback;
  if (!value) fail_missing(key, wanted);
  if (!value->is_array()) fail(key, "is " + shown(*value), wanted);
  std::vector<double> numbers;
  for (const json& item : *value) {
    const auto number = as_number(item, accepted);
    if (!number) fail(key, fmt::format("value {} is {}", numbers.size(), shown(item)), wanted);
    numbers.push_back(*number);
  }
  return numbers;
}

std::vector<std::string> JsonReader::texts(std::string_view key, std::optional<std::vector<std::string>> fallback) {
  const json* value = present(key);
  if (!value && fallback) return *fallback;
  if (!value) fail_missing(key, "an array of texts");
  if (!value->is_array()) fail(key, "is " + shown(*value), "an array of texts");
  std::vector<std::string> words;
  for (const json& item : *value) {
    if (!item.is_string()) fail(key, fmt::format("value {} is {}", words.size(), shown(item)), "an array of texts");
    words.push_back(item.get<std::string>());
  }
  return words;
}

JsonReader JsonReader::object(std::string_view key) {
  const json* value = present(key);
  if (!value) fail_missing(key, "an object");
  return JsonReader(*value, source_, dotted(key));
}

std::vector<JsonReader> JsonReader::objects(std::string_view key) {
  const json* value = present(key);
  if (!value) fail_missing(key, "an array of objects");
  if (!value->is_array()) fail(key, "is " + shown(*value), "an array of objects");
  std::vector<JsonReader> readers;
  for (const json& item : *value)
    readers.emplace_back(item, source_, fmt::format("{}[{}]", dotted(key), readers.size()));
  return readers;
}

const json& JsonReader::value(std::string_view key) {
  asked_.emplace(key);
  const auto found = object_->find(std::string(key));
  if (found == object_->end()) fail_missing(key, "a value");
  return *found;
}

std::vector<std::string> JsonReader::unknown_keys() const {
  std::vector<std::string> unknown;
  for (const auto& [name, value] : object_->items()) {
    if (!asked_.contains(name)) unknown.push_back(name);
  }
  return unknown;
}

void JsonReader::refuse_unknown_keys() const {
  const std::vector<std::string> unknown = unknown_keys();
  if (unknown.empty()) return;
  const std::vector<std::string> known(asked_.begin(), asked_.end());
  const std::string near = nearest_name(unknown.front(), known);
  const std::string hint = near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near);
  fail(unknown.front(), "unknown key" + hint, fmt::format("{}", fmt::join(known, ", ")));
}

}  // namespace ditto
