#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace ditto {

/// Throws Error(kUsage) naming the first difference between two `machine.json` when figures of both do not belong into
/// one table: other weights, device, commit, presets, processor, vector instructions, BLAS or LibTorch.
void refuse_other_origin(const std::filesystem::path& folder, const nlohmann::ordered_json& earlier,
                         const nlohmann::ordered_json& now);

/// A digest of the constants and profiles that policies are left to choose from.
std::string presets_digest();

}  // namespace ditto
