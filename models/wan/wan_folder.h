#pragma once

#include <filesystem>

#include "core/video_model.h"

namespace ditto {

/// Checks model_index.json: the components must be those of Wan 2.1 text-to-video. Keys of later Wan models are
/// accepted while they are null or false; otherwise Error(kBadInputFile) says what was recognised.
void check_wan_index(const std::filesystem::path& folder);

/// Wan's own defaults, its scheduler's settings, and what `ditto.json` says, if the folder has one.
ModelDefaults read_wan_defaults(const std::filesystem::path& folder);

}  // namespace ditto
