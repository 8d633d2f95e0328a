#pragma once

#include <optional>
#include <string>

#include "caches/registry.h"
#include "core/profile.h"

namespace ditto {

/// The measured profile a policy may use, or why there is none.
struct ProfileSource {
  std::optional<Profile> profile;
  std::string obstacle;
};

/// The profile that a policy's option `profile` stands for. A name is read and has to fit the run (Error(kBadInputFile)
/// otherwise). kAutomatic is the profile that Ditto ships for the model's weights and these settings, of those named
/// `presets/profiles/*-<width>x<height>-<steps>.json`; others are passed over.
ProfileSource find_profile(const std::string& option, const Topology& topology, const RunInfo& run);

/// What a trace calls a profile: the name of its files, without their folder.
std::string profile_name(const Profile& profile);

/// The option `profile` of policies that use one; `what` is what they take from it.
OptionSpec profile_option(const std::string& what);

}  // namespace ditto
