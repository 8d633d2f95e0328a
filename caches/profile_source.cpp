#include "caches/profile_source.h"

#include <fmt/format.h>

#include "core/error.h"
#include "io/data_folder.h"

namespace ditto {

ProfileSource find_profile(const std::string& option, const Topology& topology, const RunInfo& run) {
  if (option != kAutomatic) {
    ProfileSource given{Profile::read(option), {}};
    given.profile->require_fits(topology, run);
    return given;
  }
  const std::string name = fmt::format("{}-{}x{}-{}.json", topology.identity.name, run.width, run.height, run.steps);
  const std::filesystem::path shipped = data_folder("presets") / "profiles" / name;
  std::error_code problem;
  if (!std::filesystem::exists(shipped, problem))
    return {std::nullopt, fmt::format("no profile '{}' is shipped", name)};
  ProfileSource found{Profile::read(shipped), {}};
  try {
    found.profile->require_fits(topology, run);
  } catch (const Error& error) {
    return {std::nullopt, error.what()};
  }
  return found;
}

std::string profile_name(const Profile& profile) { return profile.path.stem().string(); }

OptionSpec profile_option(const std::string& what) {
  return {.name = "profile",
          .type = OptionType::kText,
          .default_value = kAutomatic,
          .help = fmt::format("a profile made by dit-profile run, for {}; auto: a shipped one that fits", what)};
}

}  // namespace ditto
