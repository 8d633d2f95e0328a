#pragma once

#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include "core/error.h"

namespace ditto {

/// Calls `read`; what it refuses as a usage error, in the words of an option, is the fault of the file that says it.
template <typename Read>
auto blame_file(const std::filesystem::path& path, const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    if (error.code() != ExitCode::kUsage) throw;
    const std::string_view message = error.what();
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: {}", path.string(), message.substr(message.starts_with("--") ? 2 : 0)));
  }
}

}  // namespace ditto
