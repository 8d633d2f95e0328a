#pragma once

#include <filesystem>
#include <string_view>

namespace ditto {

/// A folder of data files that Ditto ships ("models", "presets", "lpips"): the one named by the environment variable
/// DITTO_<NAME> when it is set, share/ditto/<name> beside an installed library, otherwise the source tree's.
std::filesystem::path data_folder(std::string_view name);

}  // namespace ditto
