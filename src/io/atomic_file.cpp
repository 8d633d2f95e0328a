#include "io/atomic_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/printable.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNameBytes = 255;
constexpr std::size_t kNameBytesKept = 200;  // leaves room for the suffix of the temporary name
constexpr int kAttempts = 1000;
constexpr std::size_t kShownPathBytes = 600;  // of a path that is too long for the system, say
constexpr std::string_view kAcceptedTarget = "accepted: a folder that can be written, with room";

[[noreturn]] void fail(const fs::path& path, const std::string& problem) {
  throw Error(ExitCode::kOutputFailed, fmt::format("{}: {}", printable(path.native(), kShownPathBytes), problem));
}

[[noreturn]] void fail_errno(const fs::path& path, const std::string& what) {
  fail(path, fmt::format("{}: {}; {}", what, std::strerror(errno), kAcceptedTarget));
}

/// The path without a final slash and, when it is a symbolic link, what the link stands for: a rename must not replace
/// the link itself.
fs::path resolved(fs::path path) {
  if (path.filename().empty()) path = path.parent_path();
  std::error_code ignored;
  if (!fs::is_symlink(path, ignored)) return path;
  const fs::path target = fs::weakly_canonical(path, ignored);
  return ignored ? path : target;
}

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

/// `.<name>.ditto-partial-<pid>`, with a count after it when that name is taken.
fs::path partial_path(const fs::path& target, int attempt) {
  std::string name =
      fmt::format(".{}.ditto-partial-{}", target.filename().native().substr(0, kNameBytesKept), ::getpid());
  if (attempt > 0) name += fmt::format("-{}", attempt);
  return folder_of(target) / name;
}

/// Makes a new file or folder under a name nobody has, through `create`, which returns below zero with errno on
/// failure.
template <typename Create>
fs::path create_partial(const fs::path& target, Create create) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const fs::path path = partial_path(target, attempt);
    if (create(path) >= 0) return path;
    if (errno != EEXIST) fail_errno(target, "cannot be written");
  }
  fail(target, "cannot be written: too many unfinished files beside it; accepted: a folder without them");
}

/// Best effort: some file systems cannot flush a folder, and the file itself is already safe.
void flush_folder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

void flush_file(const fs::path& file, const fs::path& target) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) fail_errno(target, "cannot be written");
  const int flushed = ::fsync(descriptor);
  const int cause = errno;
  ::close(descriptor);
  errno = cause;
  if (flushed != 0) fail_errno(target, "cannot be written");
}

/// Renames unless the target exists, without a moment in between where another process could create it.
void rename_new(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  const bool unsupported = errno == EINVAL || errno == ENOSYS;
  if (unsupported && ::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return;
  }
  if (errno == EEXIST) fail(to, "exists; accepted: a new name, or -y to overwrite");
  fail_errno(to, "cannot be written");
}

void require_replaceable(const fs::path& folder, const std::set<fs::path>& extensions) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.is_symlink() || !extensions.contains(entry.path().extension())) {
      fail(folder, fmt::format("holds '{}', which this output would not replace; accepted: an empty or new folder",
                               printable(entry.path().filename().native())));
    }
  }
}

/// Swaps two folders and removes what was at `to` before.
void replace_folder(const fs::path& from, const fs::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) != 0) {
    const fs::path old = create_partial(to, [](const fs::path& path) { return ::mkdir(path.c_str(), 0777); });
    if (::rename(to.c_str(), old.c_str()) != 0) fail_errno(to, "cannot be replaced");
    if (::rename(from.c_str(), to.c_str()) != 0) fail_errno(to, "cannot be written");
    fs::remove_all(old);
    return;
  }
  fs::remove_all(from);
}

void require_usable_folder(const fs::path& path) {
  if (path.filename().native().size() > kMaxNameBytes) {
    fail(path,
         fmt::format("the name has {} bytes; accepted: up to {}", path.filename().native().size(), kMaxNameBytes));
  }
  const fs::path folder = folder_of(path);
  struct ::stat status {};
  if (::stat(folder.c_str(), &status) != 0) {
    fail_errno(path, fmt::format("cannot be written: folder '{}'", printable(folder.native(), kShownPathBytes)));
  }
  if (!S_ISDIR(status.st_mode)) {
    fail(path, fmt::format("cannot be written: '{}' is no folder; {}", printable(folder.native(), kShownPathBytes),
                           kAcceptedTarget));
  }
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    fail_errno(path, fmt::format("cannot be written: folder '{}'", printable(folder.native(), kShownPathBytes)));
  }
}

}  // namespace

AtomicFile::AtomicFile(fs::path target, Existing existing) : existing_(existing) {
  require_writable_target(target, existing == Existing::kReplace);
  target_ = resolved(std::move(target));
  temporary_ = create_partial(target_, [this](const fs::path& path) {
    return descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  });
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const char* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t done = ::write(descriptor_, next, bytes);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail_errno(target_, "cannot be written");
    next += done;
    bytes -= static_cast<std::size_t>(done);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail_errno(target_, "cannot be written");
  const int closed = ::close(std::exchange(descriptor_, -1));
  if (closed != 0) fail_errno(target_, "cannot be written");
  // A library that wrote by name may have put another file there.
  flush_file(temporary_, target_);
  if (existing_ == Existing::kKeep) {
    rename_new(temporary_, target_);
  } else if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    fail_errno(target_, "cannot be written");
  }
  temporary_.clear();
  flush_folder(folder_of(target_));
}

void write_text_file(const fs::path& target, std::string_view text) {
  AtomicFile file(target);
  file.write(text);
  file.commit();
}

AtomicFolder::AtomicFolder(fs::path target, Existing existing, std::set<fs::path> also_replaced)
    : existing_(existing), also_replaced_(std::move(also_replaced)) {
  require_writable_folder(target, existing == Existing::kReplace);
  target_ = resolved(std::move(target));
  temporary_ = create_partial(target_, [](const fs::path& path) { return ::mkdir(path.c_str(), 0777); });
}

AtomicFolder::~AtomicFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void AtomicFolder::commit() {
  try {
    for (const auto& entry : fs::recursive_directory_iterator(temporary_)) {
      if (entry.is_regular_file()) flush_file(entry.path(), target_);
    }
    flush_folder(temporary_);
    // Renaming onto an empty folder replaces it, onto a filled one fails.
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
      const bool filled = errno == ENOTEMPTY || errno == EEXIST;
      if (!filled) fail_errno(target_, "cannot be written");
      if (existing_ == Existing::kKeep) fail(target_, "exists; accepted: a new name, or -y to overwrite");
      for (const auto& entry : fs::directory_iterator(temporary_)) also_replaced_.insert(entry.path().extension());
      require_replaceable(target_, also_replaced_);
      replace_folder(temporary_, target_);
    }
  } catch (const fs::filesystem_error& error) {
    fail(target_, fmt::format("cannot be written: {}; {}", error.code().message(), kAcceptedTarget));
  }
  temporary_.clear();
  flush_folder(folder_of(target_));
}

void require_writable_target(const fs::path& path, bool overwrite) {
  if (path.empty()) fail(path, "is empty; accepted: a file name");
  if (path.filename().empty()) fail(path, "names a folder; accepted: a file name");
  const fs::path target = resolved(path);
  require_usable_folder(target);
  struct ::stat status {};
  if (::lstat(target.c_str(), &status) != 0) return;
  // Renaming over a device or FIFO would destroy it.
  if (!S_ISREG(status.st_mode)) fail(path, "exists and is no regular file; accepted: a file name");
  if (!overwrite) fail(path, "exists; accepted: a new name, or -y to overwrite");
}

void require_replaceable_folder(const fs::path& path, const std::set<fs::path>& extensions) {
  std::error_code problem;
  const fs::path target = resolved(path);
  if (!fs::is_directory(target, problem)) return;
  try {
    require_replaceable(target, extensions);
  } catch (const fs::filesystem_error& error) {
    fail(path, fmt::format("cannot be read: {}; accepted: a new or empty folder", error.code().message()));
  }
}

void require_writable_folder(const fs::path& path, bool overwrite) {
  if (path.empty()) fail(path, "is empty; accepted: a folder name");
  const fs::path last = path.filename().empty() ? path.parent_path().filename() : path.filename();
  // A folder in use, which nothing can take the place of.
  if (last == "." || last == "..") fail(path, "is the current folder or one around it; accepted: a folder name");
  const fs::path target = resolved(path);
  require_usable_folder(target);
  struct ::stat status {};
  if (::lstat(target.c_str(), &status) != 0) return;
  if (!S_ISDIR(status.st_mode)) fail(path, "exists and is no folder; accepted: a folder name");
  std::error_code problem;
  const bool empty = fs::is_empty(target, problem);
  if (problem) fail(path, fmt::format("cannot be read: {}; accepted: a new or empty folder", problem.message()));
  if (!empty && !overwrite) fail(path, "exists and is not empty; accepted: a new or empty folder, or -y to overwrite");
}

}  // namespace ditto
