#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/feature.h"
#include "io/json_file.h"

namespace ditto {

/// The names that branch_from_name takes.
std::span<const std::string> branch_names();

/// The key "branches": none when it is missing. Throws Error(kBadInputFile) for an unknown name and for one that is
/// there twice.
std::vector<Branch> read_branches(JsonReader& reader);

}  // namespace ditto
