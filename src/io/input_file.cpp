#include "io/input_file.h"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/error.h"
#include "core/printable.h"

namespace ditto {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view problem) {
  throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}", printable(path.native(), 4096), problem));
}

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISBLK(mode) || S_ISCHR(mode)) return "a device";
  return "a special file";
}

void require_regular(const std::filesystem::path& path, const struct ::stat& status) {
  if (!S_ISREG(status.st_mode)) {
    fail(path, fmt::format("is {}; accepted: a regular file", kind_of(status.st_mode)));
  }
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path) : path_(path) {
  // Looked at before it is opened: opening a device can have effects of its own.
  if (::stat(path.c_str(), &opened_) != 0) {
    fail(path, fmt::format("cannot be opened: {}; accepted: a readable file", std::strerror(errno)));
  }
  require_regular(path, opened_);
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor_ < 0) {
    fail(path, fmt::format("cannot be opened: {}; accepted: a readable file", std::strerror(errno)));
  }
  const bool known = ::fstat(descriptor_, &opened_) == 0;
  if (!known || !S_ISREG(opened_.st_mode)) {
    ::close(descriptor_);
    fail(path, "changed while it was being opened; accepted: a regular file");
  }
}

InputFile::~InputFile() { ::close(descriptor_); }

std::size_t InputFile::read_at(std::uint64_t offset, void* buffer, std::size_t bytes) const {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        ::pread(descriptor_, static_cast<char*>(buffer) + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      fail(path_, fmt::format("cannot be read at byte {}: {}; accepted: a readable file", offset + done,
                              std::strerror(errno)));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void InputFile::require_unchanged() const {
  struct ::stat now {};
  if (::fstat(descriptor_, &now) != 0)
    fail(path_, fmt::format("cannot be examined: {}; accepted: a readable file", std::strerror(errno)));
  if (now.st_size < opened_.st_size) {
    fail(path_, fmt::format("shrank from {} to {} bytes while it was in use; accepted: a file that stays as it is",
                            opened_.st_size, now.st_size));
  }
  const bool written = now.st_mtim.tv_sec != opened_.st_mtim.tv_sec || now.st_mtim.tv_nsec != opened_.st_mtim.tv_nsec;
  if (written || now.st_size != opened_.st_size) {
    fail(path_, "was written to while it was in use; accepted: a file that stays as it is");
  }
}

std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const InputFile file(path);
  if (file.size() > max_bytes) {
    fail(path, fmt::format("holds {} bytes; accepted: up to {}", file.size(), max_bytes));
  }
  std::string text(file.size(), '\0');
  text.resize(file.read_at(0, text.data(), text.size()));
  return text;
}

}  // namespace ditto
