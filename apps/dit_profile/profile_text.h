#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "apps/common/program.h"
#include "core/profile.h"

namespace ditto {

/// What a profile says, in a screen: settings, a small curve for each array over the steps, how well what was measured
/// fits, and the arrays there are.
std::string profile_text(const Profile& profile);

/// The same for programs: settings, curves as numbers (null where not measured), fits, shapes.
nlohmann::ordered_json profile_facts(const Profile& profile);

/// The last words of a verb that wrote a profile: what it says, and the event "done".
void report_written(Program& program, const Profile& profile, const std::filesystem::path& name);

}  // namespace ditto
