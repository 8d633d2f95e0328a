#include "caches/profile_source.h"

#include <algorithm>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "core/error.h"
#include "io/data_folder.h"

namespace ditto {
namespace {

/// Those of a size and a number of steps, whatever their model's folder was called: the weights decide.
std::vector<std::filesystem::path> shipped_profiles(const std::string& setting) {
  std::vector<std::filesystem::path> found;
  std::error_code problem;
  for (const auto& entry : std::filesystem::directory_iterator(data_folder("presets") / "profiles", problem)) {
    if (entry.path().filename().string().ends_with(setting)) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

ProfileSource find_profile(const std::string& option, const Topology& topology, const RunInfo& run) {
  if (option != kAutomatic) {
    ProfileSource given{Profile::read(option), {}};
    given.profile->require_fits(topology, run);
    return given;
  }
  const std::string setting = fmt::format("-{}x{}-{}.json", run.width, run.height, run.steps);
  const std::filesystem::path named = topology.identity.name + setting;
  std::string reason = fmt::format("no profile '{}' is shipped", named.string());
  for (const std::filesystem::path& shipped : shipped_profiles(setting)) {
    ProfileSource found{Profile::read(shipped), {}};
    try {
      found.profile->require_fits(topology, run);
      return found;
    } catch (const Error& error) {
      if (shipped.filename() == named) reason = error.what();
    }
  }
  return {std::nullopt, reason};
}

std::string profile_name(const Profile& profile) { return profile.path.stem().string(); }

OptionSpec profile_option(const std::string& what) {
  return {.name = "profile",
          .type = OptionType::kText,
          .default_value = kAutomatic,
          .help = fmt::format("a profile made by dit-profile run, for {}; auto: a shipped one that fits", what)};
}

}  // namespace ditto
