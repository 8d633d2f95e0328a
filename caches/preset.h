#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "core/site.h"

namespace ditto {

/// Published constants of a method for a model: of the entries of `presets/<method>.json`, the first one with a name
/// pattern (`*` stands for any text) that the model's name matches; nothing when there is none. Models are recognised
/// by the name of their folder. Throws Error(kBadInputFile) for a file that is missing or malformed.
///
///     {"source": "...", "models": [{"names": ["Wan2.1-T2V-1.3B*"], ...constants...}]}
std::optional<nlohmann::json> find_preset(const std::string& method, const ModelIdentity& model);

/// The path of `presets/<method>.json`, for messages about its constants.
std::string preset_source(const std::string& method);

}  // namespace ditto
