#include "io/data_folder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <string>

#include <dlfcn.h>

namespace ditto {
namespace {

namespace fs = std::filesystem;

/// Where the source tree keeps a folder, below its root.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kSourceFolders = {
    {{"models", "models"}, {"presets", "caches/presets"}, {"lpips", "models/lpips"}}};

/// The folder this library was loaded from.
fs::path library_folder() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&data_folder), &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code problem;
  const fs::path library = fs::canonical(info.dli_fname, problem);
  return problem ? fs::path() : library.parent_path();
}

}  // namespace

fs::path data_folder(std::string_view name) {
  std::string variable = "DITTO_" + std::string(name);
  std::ranges::transform(variable, variable.begin(), [](unsigned char c) { return std::toupper(c); });
  if (const char* folder = std::getenv(variable.c_str()); folder != nullptr && *folder != '\0') return folder;
  const fs::path installed = library_folder() / DITTO_DATA_FROM_LIBRARY / "ditto" / name;
  std::error_code problem;
  if (fs::is_directory(installed, problem)) return installed.lexically_normal();
  const auto source = std::ranges::find(kSourceFolders, name, &decltype(kSourceFolders)::value_type::first);
  return fs::path(DITTO_SOURCE_ROOT) / (source == kSourceFolders.end() ? name : source->second);
}

}  // namespace ditto
