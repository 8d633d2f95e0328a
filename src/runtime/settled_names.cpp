#include "runtime/settled_names.h"

namespace ditto {
namespace {

void settle(std::string& name, const SettledOption& option) {
  const std::string automatic = option.name + "=" + kAutomatic;
  for (std::size_t mark = name.find(':'); mark != std::string::npos; mark = name.find(',', mark + 1)) {
    const std::size_t begin = mark + 1, size = name.find(',', begin) - begin;
    if (name.compare(begin, size, automatic) == 0) name.replace(begin, size, option.name + "=" + option.value);
  }
}

}  // namespace

std::vector<std::string> settled_names(std::vector<std::string> names, const std::vector<SettledOption>& settled) {
  for (const SettledOption& option : settled) {
    if (option.policy < names.size()) settle(names[option.policy], option);
  }
  return names;
}

}  // namespace ditto
