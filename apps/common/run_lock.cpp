#include "apps/common/run_lock.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/printable.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

/// Whether the name still stands for the locked file: whoever held it before may have removed it on leaving.
bool is_at(int descriptor, const fs::path& file) {
  struct ::stat locked {
  }, named{};
  return ::fstat(descriptor, &locked) == 0 && ::stat(file.c_str(), &named) == 0 && locked.st_dev == named.st_dev &&
         locked.st_ino == named.st_ino;
}

[[noreturn]] void fail(const fs::path& file, const char* what, int cause) {
  throw Error(ExitCode::kOutputFailed,
              fmt::format("{}: cannot be {}: {}; accepted: a folder that can be written, on a file system with locks",
                          printable(file.string()), what, std::strerror(cause)));
}

}  // namespace

RunLock::RunLock(const fs::path& file, const fs::path& what) {
  for (;;) {
    descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (descriptor_ < 0) fail(file, "made", errno);
    const int cause = ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    if (cause == 0 && is_at(descriptor_, file)) return;
    ::close(descriptor_);
    if (cause == 0 || cause == EINTR) continue;
    if (cause != EWOULDBLOCK) fail(file, "locked", cause);
    throw Error(ExitCode::kUsage, fmt::format("{}: is in use by another run; accepted: another output, or wait",
                                              printable(what.string())));
  }
}

RunLock::~RunLock() { ::close(descriptor_); }

}  // namespace ditto
