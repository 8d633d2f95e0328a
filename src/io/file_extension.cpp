#include "io/file_extension.h"

namespace ditto {

std::string file_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  for (char& letter : extension)
    letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  return extension;
}

}  // namespace ditto
