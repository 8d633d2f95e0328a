#include "io/manifest.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/printable.h"
#include "io/confined_path.h"
#include "io/json_file.h"
#include "io/sha256.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigestDigits = 64;

struct ManifestEntry {
  std::string sha256;
  std::int64_t bytes;
};

bool is_digest(const std::string& text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == kDigestDigits && std::ranges::all_of(text, is_digit);
}

fs::path manifest_path(const fs::path& folder) { return folder / "manifest.json"; }

/// The entries by relative path; none when the folder has no manifest.
std::map<std::string, ManifestEntry> read_manifest(const fs::path& folder) {
  const fs::path path = manifest_path(folder);
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(path, ignored))) return {};
  const nlohmann::json document = read_json_file(path);
  JsonReader root(document, path.native());
  const nlohmann::json& files = root.value("files");
  JsonReader names(files, path.native(), "files");
  std::map<std::string, ManifestEntry> entries;
  for (const auto& item : files.items()) {
    JsonReader entry = names.object(item.key());
    const std::string digest = entry.text("sha256");
    if (!is_digest(digest))
      entry.fail("sha256", fmt::format("is '{}'", printable(digest, 80)), "64 lower-case hex digits");
    entries[item.key()] = {digest, entry.integer("bytes", {.min = 0})};
  }
  return entries;
}

[[noreturn]] void fail(const fs::path& path, const std::string& problem) {
  throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}", printable(path.native(), 4096), problem));
}

/// The direct subfolders, links followed, which model_index.json names where there is one: profiles, latents and other
/// folders that lie beside them are not of the model.
std::vector<std::string> component_folders(const fs::path& folder) {
  std::set<std::string> named;
  const fs::path index = folder / "model_index.json";
  if (fs::exists(index)) {
    const nlohmann::json document = read_json_file(index);
    for (const auto& [name, component] : document.items()) {
      if (component.is_array()) named.insert(name);
    }
  }
  std::vector<std::string> components;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && (named.empty() || named.contains(name))) components.push_back(name);
  }
  return components;
}

/// The digest of a weight file: as listed for a file of that size, as its blob in a hub cache is named, or computed.
std::string weight_digest(const fs::path& file, const std::optional<ManifestEntry>& listed) {
  if (listed && static_cast<std::uint64_t>(listed->bytes) == fs::file_size(file)) return listed->sha256;
  const fs::path real = fs::canonical(file);
  const bool blob = fs::is_symlink(file) && real.parent_path().filename() == "blobs";
  return blob && is_digest(real.filename().native()) ? real.filename().native() : sha256_file(file);
}

}  // namespace

void verify_manifest(const fs::path& folder) {
  const fs::path manifest = manifest_path(folder);
  for (const auto& [name, listed] : read_manifest(folder)) {
    const fs::path file = confined_path(folder, name, manifest);
    std::error_code problem;
    const std::uint64_t bytes = fs::file_size(file, problem);
    if (!problem && bytes != static_cast<std::uint64_t>(listed.bytes)) {
      fail(folder / name,
           fmt::format("holds {} bytes, manifest.json says {}; accepted: the listed file, or --no-verify", bytes,
                       listed.bytes));
    }
    const std::string digest = sha256_file(file);
    if (digest != listed.sha256) {
      fail(folder / name, fmt::format("sha256 is {}, manifest.json says {}; accepted: the listed file, or --no-verify",
                                      digest, listed.sha256));
    }
  }
}

std::string weight_hash(const fs::path& folder, ManifestTrust trust) {
  std::map<std::string, ManifestEntry> entries;
  if (trust == ManifestTrust::kVerified) entries = read_manifest(folder);
  std::map<std::string, std::string> digests;
  try {
    for (const std::string& component : component_folders(folder)) {
      for (const auto& entry : fs::directory_iterator(folder / component)) {
        // A link that leads nowhere is for the loader to report.
        std::error_code ignored;
        if (entry.path().extension() != ".safetensors" || !entry.is_regular_file(ignored)) continue;
        const std::string name = component + "/" + entry.path().filename().string();
        const auto listed = entries.find(name);
        digests[name] =
            weight_digest(entry.path(), listed == entries.end() ? std::nullopt : std::optional(listed->second));
      }
    }
  } catch (const fs::filesystem_error& error) {
    fail(folder, fmt::format("cannot be read: {}; accepted: a model folder", error.code().message()));
  }
  if (digests.empty()) fail(folder, "holds no weights (COMPONENT/*.safetensors); accepted: a model folder");
  Sha256 identity;
  for (const auto& [name, digest] : digests) identity.update(name + " " + digest + "\n");
  return identity.hex();
}

}  // namespace ditto
