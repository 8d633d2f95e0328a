#pragma once

#include <filesystem>
#include <string>

namespace ditto {

/// The extension of a file name with its dot, in small letters: cameras and other systems write "FRAME.PNG".
std::string file_extension(const std::filesystem::path& path);

}  // namespace ditto
