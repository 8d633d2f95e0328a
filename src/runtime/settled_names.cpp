#include "runtime/settled_names.h"

namespace ditto {

std::optional<std::string_view> option_value(std::string_view name, std::string_view option) {
  for (std::size_t mark = name.find(':'); mark != std::string_view::npos; mark = name.find(',', mark + 1)) {
    const std::string_view entry = name.substr(mark + 1, name.find(',', mark + 1) - mark - 1);
    if (entry.starts_with(option) && entry.substr(option.size()).starts_with('=')) {
      return entry.substr(option.size() + 1);
    }
  }
  return std::nullopt;
}

std::vector<std::string> settled_names(std::vector<std::string> names, const std::vector<SettledOption>& settled) {
  for (const SettledOption& option : settled) {
    if (option.policy >= names.size()) continue;
    std::string& name = names[option.policy];
    const std::optional<std::string_view> value = option_value(name, option.name);
    if (value != kAutomatic) continue;
    name.replace(static_cast<std::size_t>(value->data() - name.data()), value->size(), option.value);
  }
  return names;
}

}  // namespace ditto
