#pragma once

#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "test_paths.h"
#include "toy_support.h"

namespace ditto::test {

/// How the suites that every registered policy has to pass run it: with the settings its registry line calls an
/// example, on the toy model, for kCaseSteps steps. A new policy needs no change here. An option that takes a file
/// gets `tests/data/policies/<policy>.<option>.<any extension>` where there is one.
inline constexpr int kCaseSteps = 12;

using Settings = std::map<std::string, std::string>;

/// "key=value,key=value" to a map.
inline Settings settings_of(const std::string& text) {
  Settings settings;
  std::istringstream items(text);
  for (std::string item; std::getline(items, item, ',');) {
    const std::size_t equals = item.find('=');
    settings[item.substr(0, equals)] = item.substr(equals + 1);
  }
  return settings;
}

inline const PolicyEntry& entry_of(const std::string& name) {
  return *std::ranges::find(policies(), name, &PolicyEntry::name);
}

/// Names of all registered policies, to instantiate suites over.
inline std::vector<std::string> policy_names() {
  std::vector<std::string> names;
  for (const PolicyEntry& entry : policies()) names.push_back(entry.name);
  return names;
}

/// Files for the policy's options, by option.
inline Settings files_for(const PolicyEntry& entry) {
  Settings files;
  for (const auto& file : std::filesystem::directory_iterator(data_path("policies"))) {
    if (file.path().extension() == ".safetensors") continue;  // the arrays of the profile beside it
    const std::string name = file.path().filename().string();
    for (const OptionSpec& option : entry.options) {
      if (name.rfind(entry.name + "." + option.name + ".", 0) == 0) files[option.name] = file.path().string();
    }
  }
  return files;
}

/// The policy's name with these settings; files are filled in.
inline std::string specification_of(const PolicyEntry& entry, Settings settings) {
  settings.merge(files_for(entry));
  std::string text = entry.name;
  for (const auto& [key, value] : settings) text += (text == entry.name ? ":" : ",") + key + "=" + value;
  return text;
}

/// The policy at its example.
inline std::string example_of(const PolicyEntry& entry) { return specification_of(entry, settings_of(entry.example)); }

inline Request case_request() { return toy_request(kCaseSteps); }

}  // namespace ditto::test
