#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/dit_gen/verbs.h"
#include "caches/registry.h"

namespace ditto {
namespace {

std::string type_name(OptionType type) {
  switch (type) {
    case OptionType::kInteger:
      return "integer";
    case OptionType::kNumber:
      return "number";
    case OptionType::kFlag:
      return "flag";
    case OptionType::kText:
      return "text";
  }
  return "text";
}

std::string accepted(const OptionSpec& option) {
  switch (option.type) {
    case OptionType::kInteger:
    case OptionType::kNumber:
      return fmt::format("{:g} to {:g}", option.minimum, option.maximum);
    case OptionType::kFlag:
      return "true, false";
    case OptionType::kText:
      return option.choices.empty() ? "any" : fmt::format("{}", fmt::join(option.choices, ", "));
  }
  return "any";
}

nlohmann::ordered_json to_json(const PolicyEntry& entry) {
  nlohmann::ordered_json options = nlohmann::ordered_json::array();
  for (const OptionSpec& option : entry.options) {
    options.push_back({{"name", option.name},
                       {"type", type_name(option.type)},
                       {"accepted", accepted(option)},
                       {"default", option.default_value},
                       {"help", option.help}});
  }
  return {{"name", entry.name}, {"help", entry.help}, {"disabled", entry.disabled}, {"options", options}};
}

std::string describe(const PolicyEntry& entry) {
  std::string text = fmt::format("{}: {}", entry.name, entry.help);
  if (!entry.options.empty()) {
    text += fmt::format("\n\n  {:<14} {:<8} {:<16} {:<9} meaning", "option", "type", "accepted", "default");
  }
  for (const OptionSpec& option : entry.options) {
    const std::string shown_default = option.default_value.empty() ? "required" : option.default_value;
    text += fmt::format("\n  {:<14} {:<8} {:<16} {:<9} {}", option.name, type_name(option.type), accepted(option),
                        shown_default, option.help);
  }
  if (!entry.disabled.empty()) {
    text += fmt::format("\n\n  {}:{} reuses nothing and gives the bits of no policy", entry.name, entry.disabled);
  }
  return text;
}

}  // namespace

ExitCode list_policies(Program& program, const std::optional<std::string>& name) {
  if (name) {
    const auto known = std::ranges::find(policies(), *name, &PolicyEntry::name);
    // Of a whole specification its policy; another name is refused, with the nearest.
    const PolicyEntry* entry = known == policies().end() ? parse_policy(*name).entry : &*known;
    program.console.event(to_json(*entry));
    program.console.result(describe(*entry));
    return ExitCode::kDone;
  }
  for (const PolicyEntry& entry : policies()) {
    program.console.event(to_json(entry));
    program.console.result(fmt::format("{:<12} {}", entry.name, entry.help));
  }
  return ExitCode::kDone;
}

}  // namespace ditto
