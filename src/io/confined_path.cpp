#include "io/confined_path.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "core/error.h"
#include "core/printable.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

bool lies_in(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

}  // namespace

fs::path hub_blobs(const fs::path& folder) {
  for (fs::path at = folder; at.has_relative_path(); at = at.parent_path()) {
    if (at.parent_path().filename() == "snapshots") return at.parent_path().parent_path() / "blobs";
  }
  return {};
}

fs::path confined_path(const fs::path& folder, const std::string& relative, const fs::path& source) {
  const auto refuse = [&](const std::string& problem) {
    throw Error(ExitCode::kBadInputFile, fmt::format("{}: '{}' {}; accepted: files inside the folder",
                                                     printable(source.native(), 4096), printable(relative), problem));
  };
  const fs::path path(relative);
  // A NUL would end the name for the system, not for the checks.
  if (relative.empty() || relative.find('\0') != relative.npos) refuse("is no file name");
  if (path.is_absolute()) refuse("is an absolute path");
  if (std::ranges::find(path, fs::path("..")) != path.end()) refuse("leaves the folder");
  std::error_code problem;
  const fs::path root = fs::canonical(folder, problem);
  if (problem) refuse("cannot be found: " + problem.message());
  const fs::path real = fs::canonical(root / path, problem);
  if (problem) refuse("cannot be found: " + problem.message());
  const fs::path blobs = hub_blobs(root);
  if (!lies_in(real, root) && (blobs.empty() || !lies_in(real, blobs))) refuse("is a link out of the folder");
  return real;
}

}  // namespace ditto
