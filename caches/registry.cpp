#include "caches/registry.h"

#include <algorithm>
#include <charconv>

#include <c10/util/Exception.h>

#include <fmt/format.h>

#include "caches/adacache.h"
#include "caches/bwcache.h"
#include "caches/dbcache.h"
#include "caches/deltadit.h"
#include "caches/easycache.h"
#include "caches/fastercache.h"
#include "caches/firstblock.h"
#include "caches/foca.h"
#include "caches/fora.h"
#include "caches/hicache.h"
#include "caches/hyca.h"
#include "caches/interval.h"
#include "caches/lemica.h"
#include "caches/magcache.h"
#include "caches/none.h"
#include "caches/pab.h"
#include "caches/profilingdit.h"
#include "caches/schedule.h"
#include "caches/seacache.h"
#include "caches/steps.h"
#include "caches/taylorseer.h"
#include "caches/teacache.h"
#include "core/error.h"
#include "core/nearest_name.h"
#include "core/stacked_policy.h"

namespace ditto {
namespace {

using Values = std::vector<std::pair<std::string, std::string>>;

[[noreturn]] void refuse(const std::string& what, const std::string& accepted) {
  throw Error(ExitCode::kUsage, fmt::format("--cache: {}; accepted: {}", what, accepted));
}

/// Names for a message: the nearest one when there is one, otherwise all.
std::string suggestion(std::string_view word, const std::vector<std::string>& names) {
  const std::string nearest = nearest_name(word, names);
  return nearest.empty() ? fmt::format("{}", fmt::join(names, ", "))
                         : fmt::format("did you mean '{}'? ({})", nearest, fmt::join(names, ", "));
}

template <typename T>
bool parses_as(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

template <typename T>
void check_number(const std::string& where, const OptionSpec& option, std::string_view text, std::string_view kind) {
  T value = 0;
  const bool fits = parses_as(text, value) && static_cast<double>(value) >= option.minimum &&
                    static_cast<double>(value) <= option.maximum;
  if (!fits) {
    refuse(fmt::format("{}: '{}' is not possible", where, text),
           fmt::format("{} from {} to {}", kind, option.minimum, option.maximum));
  }
}

void check_value(const PolicyEntry& entry, const OptionSpec& option, const std::string& text) {
  if (text == kAutomatic && option.default_value == kAutomatic) return;
  const std::string where = entry.name + ":" + option.name;
  switch (option.type) {
    case OptionType::kInteger:
      check_number<int>(where, option, text, "an integer");
      return;
    case OptionType::kNumber:
      check_number<double>(where, option, text, "a number");
      return;
    case OptionType::kFlag:
      if (text != "true" && text != "false")
        refuse(fmt::format("{}: '{}' is not possible", where, text), "true, false");
      return;
    case OptionType::kText:
      if (text.empty()) refuse(where + ": is empty", option.help);
      if (!option.choices.empty() && std::ranges::find(option.choices, text) == option.choices.end()) {
        refuse(fmt::format("{}: '{}' is not possible", where, text), suggestion(text, option.choices));
      }
  }
}

const PolicyEntry& find_policy(std::string_view name) {
  const auto entries = policies();
  const auto it = std::ranges::find(entries, name, &PolicyEntry::name);
  if (it != entries.end()) return *it;
  std::vector<std::string> names;
  for (const PolicyEntry& entry : entries) names.push_back(entry.name);
  refuse(fmt::format("there is no policy '{}'", name), suggestion(name, names));
}

/// Splits "key=value,key=value". A comma inside a value is not possible; lists use '/'.
Values split_options(const PolicyEntry& entry, std::string_view text) {
  Values given;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      refuse(fmt::format("{}: '{}' is no option", entry.name, item), "key=value,key=value");
    }
    given.emplace_back(item.substr(0, equals), item.substr(equals + 1));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return given;
}

void check_keys(const PolicyEntry& entry, const Values& given) {
  std::vector<std::string> known;
  for (const OptionSpec& option : entry.options) known.push_back(option.name);
  for (auto it = given.begin(); it != given.end(); ++it) {
    if (std::ranges::find(known, it->first) == known.end()) {
      refuse(fmt::format("{}: there is no option '{}'", entry.name, it->first),
             known.empty() ? "no options" : suggestion(it->first, known));
    }
    if (std::find_if(given.begin(), it, [&](const auto& earlier) { return earlier.first == it->first; }) != it) {
      refuse(fmt::format("{}: '{}' is given twice", entry.name, it->first), "each option once");
    }
  }
}

const std::string& value_of(const Values& values, std::string_view name) {
  const auto it = std::ranges::find(values, name, &Values::value_type::first);
  if (it == values.end()) {
    throw Error(ExitCode::kInternal, fmt::format("--cache: option '{}' is not in the policy's table", name));
  }
  return it->second;
}

}  // namespace

std::span<const PolicyEntry> policies() {
  static const std::vector<PolicyEntry> entries = {
      none_entry(),      interval_entry(),     steps_entry(),      schedule_entry(),   replay_entry(),
      easycache_entry(), teacache_entry(),     firstblock_entry(), taylorseer_entry(), dbcache_entry(),
      magcache_entry(),  seacache_entry(),     adacache_entry(),   bwcache_entry(),    fastercache_entry(),
      fora_entry(),      pab_entry(),          deltadit_entry(),   hicache_entry(),    foca_entry(),
      lemica_entry(),    profilingdit_entry(), hyca_entry(),
  };
  return entries;
}

int PolicyOptions::integer(std::string_view name) const {
  int value = 0;
  parses_as(value_of(values_, name), value);
  return value;
}

double PolicyOptions::number(std::string_view name) const {
  double value = 0;
  parses_as(value_of(values_, name), value);
  return value;
}

const std::string& PolicyOptions::text(std::string_view name) const { return value_of(values_, name); }

bool PolicyOptions::flag(std::string_view name) const { return value_of(values_, name) == "true"; }

int PolicyOptions::integer_or(std::string_view name, int fallback) const {
  return is_automatic(name) ? fallback : integer(name);
}

double PolicyOptions::number_or(std::string_view name, double fallback) const {
  return is_automatic(name) ? fallback : number(name);
}

PolicySpec parse_policy(std::string_view specification) {
  const std::size_t colon = specification.find(':');
  const PolicyEntry& entry = find_policy(specification.substr(0, colon));
  const Values given =
      split_options(entry, colon == std::string_view::npos ? std::string_view() : specification.substr(colon + 1));
  check_keys(entry, given);
  Values complete;
  for (const OptionSpec& option : entry.options) {
    const auto it = std::ranges::find(given, option.name, &Values::value_type::first);
    const std::string& value = it == given.end() ? option.default_value : it->second;
    check_value(entry, option, value);
    complete.emplace_back(option.name, value);
  }
  return {&entry, PolicyOptions(std::move(complete))};
}

std::string PolicySpec::resolved() const {
  std::vector<std::string> items;
  for (const auto& [key, value] : options.values()) items.push_back(key + "=" + value);
  return items.empty() ? entry->name : fmt::format("{}:{}", entry->name, fmt::join(items, ","));
}

std::unique_ptr<CachePolicy> make_policy(std::span<const PolicySpec> specifications) {
  std::vector<std::unique_ptr<CachePolicy>> made;
  for (const PolicySpec& specification : specifications) {
    TORCH_CHECK(specification.entry != nullptr, "make_policy: a specification that names no policy");
    made.push_back(specification.entry->create(specification.options));
  }
  if (made.size() == 1) return std::move(made.front());
  return std::make_unique<StackedPolicy>(std::move(made));
}

}  // namespace ditto
