#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include <sys/stat.h>

namespace ditto {

/// An untrusted regular file opened for reading. A folder, FIFO, device or socket is refused without opening it, so
/// nothing blocks and nothing is endless. All failures throw `Error(kBadInputFile)` naming the file.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_; }
  /// Bytes at the time of opening.
  std::uint64_t size() const { return static_cast<std::uint64_t>(opened_.st_size); }
  /// Reads up to `bytes` from `offset`; fewer only at the end of the file.
  std::size_t read_at(std::uint64_t offset, void* buffer, std::size_t bytes) const;
  /// Throws when the file shrank or was written to since it was opened. A file renamed over it is harmless: the opened
  /// one stays whole.
  void require_unchanged() const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  struct ::stat opened_ {};
};

/// The whole of a text file of at most `max_bytes`.
std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes);

}  // namespace ditto
