#include "apps/common/policy_files.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "core/profile.h"

namespace ditto {
namespace {

constexpr std::string_view kFileOption = "file", kProfileOption = "profile";

}  // namespace

std::vector<std::filesystem::path> files_of_option(const std::string& option, const std::string& value) {
  if (option == kFileOption) return {value};
  if (option != kProfileOption || value == kAutomatic) return {};
  const auto files = Profile::files(value);
  return {files.begin(), files.end()};
}

std::vector<std::filesystem::path> files_read_by(const std::vector<PolicySpec>& policies) {
  std::vector<std::filesystem::path> files;
  for (const PolicySpec& policy : policies) {
    for (const auto& [option, value] : policy.options.values())
      std::ranges::move(files_of_option(option, value), std::back_inserter(files));
  }
  return files;
}

}  // namespace ditto
