#pragma once

#include <cstddef>
#include <filesystem>
#include <set>
#include <string_view>

namespace ditto {

/// What to do when the target of an atomic write exists by the time of the commit.
enum class Existing { kReplace, kKeep };

/// A file that appears under its name complete or not at all. Data go to `.<name>.ditto-partial-<pid>` in the same
/// folder; `commit` flushes and renames it, destruction without a commit removes it. Every failure (disk full,
/// unwritable folder, a target that exists and is to be kept) throws `Error(kOutputFailed)` naming the target.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target, Existing existing = Existing::kReplace);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::filesystem::path& target() const { return target_; }
  /// The file to fill when a library writes by name; it exists and is empty. Its name does not end like the target's.
  const std::filesystem::path& temporary() const { return temporary_; }
  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// fsync, rename, fsync of the folder. To be called once, after the last write.
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  Existing existing_;
  int descriptor_ = -1;
};

/// Writes `text` as an AtomicFile.
void write_text_file(const std::filesystem::path& target, std::string_view text);

/// The same for a folder of files (frames): fill `temporary()`, then `commit`. Replacing an existing folder is refused
/// when it holds anything but files with the extensions of the new ones or with those of `also_replaced` (".svg"), so
/// that a mistyped path costs no data.
class AtomicFolder {
 public:
  explicit AtomicFolder(std::filesystem::path target, Existing existing = Existing::kReplace,
                        std::set<std::filesystem::path> also_replaced = {});
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  const std::filesystem::path& target() const { return target_; }
  const std::filesystem::path& temporary() const { return temporary_; }
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  Existing existing_;
  std::set<std::filesystem::path> also_replaced_;
};

/// Refuses, before any work is done, an output file that could not be written at the end: it exists and `overwrite` is
/// false (the message says `-y`), it is no regular file, its folder is missing or unwritable, or its name is too long.
void require_writable_target(const std::filesystem::path& path, bool overwrite);

/// The same for an output folder, which may exist when it is empty or `overwrite` is set.
void require_writable_folder(const std::filesystem::path& path, bool overwrite);

/// The same for what it already holds: nothing but files with these extensions.
void require_replaceable_folder(const std::filesystem::path& path, const std::set<std::filesystem::path>& extensions);

}  // namespace ditto
