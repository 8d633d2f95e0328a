#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace ditto {

/// Checks the files of `folder` against its `manifest.json`, {"files": {"relative/path": {"sha256": "...", "bytes":
/// N}}}. Throws `Error(kBadInputFile)` naming the first file that is missing, outside the folder or different (with
/// both hashes). A folder without a manifest passes.
void verify_manifest(const std::filesystem::path& folder);

/// Where a folder's manifest is known to be true, it saves reading the files it lists.
enum class ManifestTrust : std::uint8_t { kVerified, kIgnored };

/// Identity of a model's weights: SHA-256 over the sorted lines "<relative path> <sha256 of the file>\n" of the
/// `.safetensors` files in the component folders that `model_index.json` names (all subfolders without one). A digest
/// is taken from a trusted manifest where it lists the file, or from the blob name in a hub cache; other files are read
/// in full.
std::string weight_hash(const std::filesystem::path& folder, ManifestTrust trust = ManifestTrust::kVerified);

}  // namespace ditto
