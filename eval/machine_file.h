#pragma once

#include <filesystem>

#include <nlohmann/json_fwd.hpp>

namespace ditto {

/// `machine.json` of a folder of results: where, of what and how they were measured. What is there has the type that it
/// was written with, and nothing is null; what an earlier version did not write is absent. Throws Error(kBadInputFile).
nlohmann::ordered_json read_machine(const std::filesystem::path& path);

}  // namespace ditto
