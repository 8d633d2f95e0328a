#pragma once

#include <filesystem>
#include <string>

namespace ditto {

/// The real path of `relative` inside `folder`, for names that come from an untrusted file `source`. An absolute path,
/// a
/// `..`, or a symbolic link out of the folder throws `Error(kBadInputFile)`; links into the `blobs` of the hub cache
/// that the folder belongs to (`<repository>/snapshots/<revision>/...`) are how such caches are built and pass. The
/// file has to exist.
std::filesystem::path confined_path(const std::filesystem::path& folder, const std::string& relative,
                                    const std::filesystem::path& source);

/// The `blobs` folder of the hub cache that `folder` (canonical) is a snapshot of; empty when it is none.
std::filesystem::path hub_blobs(const std::filesystem::path& folder);

}  // namespace ditto
