#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/cache_policy.h"

namespace ditto {

enum class OptionType : std::uint8_t { kInteger, kNumber, kText, kFlag };

/// One option of a policy. Bounds hold for numbers and are inclusive; `choices` for text, empty when any text will do.
/// An option whose default is empty must be given. One whose default is kAutomatic, whatever its type, is left to the
/// policy unless it is given: to a preset, a profile or another option. CachePolicy::settled_options() names its value.
struct OptionSpec {
  std::string name;
  OptionType type;
  std::string default_value;
  std::string help;
  double minimum = 0;
  double maximum = 1e9;
  std::vector<std::string> choices = {};
};

/// Option values of one policy, complete and checked against its table.
class PolicyOptions {
 public:
  PolicyOptions() = default;
  explicit PolicyOptions(std::vector<std::pair<std::string, std::string>> values) : values_(std::move(values)) {}

  int integer(std::string_view name) const;
  double number(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  bool flag(std::string_view name) const;

  /// Whether the option was left to the policy.
  bool is_automatic(std::string_view name) const { return text(name) == kAutomatic; }
  /// The value, or `fallback` where it was left to the policy.
  int integer_or(std::string_view name, int fallback) const;
  double number_or(std::string_view name, double fallback) const;

  const std::vector<std::pair<std::string, std::string>>& values() const { return values_; }

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

/// A line of the registry. `disabled` is the option setting that never reuses ("threshold=0"); such a run gives the
/// bits of no policy. It is empty for policies that cannot be switched off. `example` are settings under which a run
/// of a dozen steps shows what the policy does ("threshold=0.3,first=2"); the tests that every policy has to pass run
/// it with them. `decides_jointly`: one decision for all branches is made from the features of all of them; otherwise
/// the conditional branch, or each, decides from its own.
struct PolicyEntry {
  std::string name;
  std::string help;
  std::string disabled;
  std::string example = {};
  bool decides_jointly = false;
  std::vector<OptionSpec> options = {};
  std::unique_ptr<CachePolicy> (*create)(const PolicyOptions&) = nullptr;
};

/// Every policy, in the order in which they are listed to users. The only list of policies there is.
std::span<const PolicyEntry> policies();

/// A parsed "name:key=value,...": the entry and all its options, defaults filled in.
struct PolicySpec {
  const PolicyEntry* entry = nullptr;
  PolicyOptions options;

  /// "name:key=value,..." with every option, in the order of the table.
  std::string resolved() const;
};

/// Parses and checks a policy specification. Errors (kUsage) name the nearest policy, key or the accepted range.
PolicySpec parse_policy(std::string_view specification);

/// A new policy object for one run; several specifications are stacked, none gives full compute.
std::unique_ptr<CachePolicy> make_policy(std::span<const PolicySpec> specifications);

}  // namespace ditto
