#include "apps/common/line_reader.h"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/printable.h"

namespace ditto {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 16;
constexpr int kPollMilliseconds = 100;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

LineReader::LineReader(const std::filesystem::path& path, std::stop_token stop) : path_(path), stop_(std::move(stop)) {
  struct ::stat status {};
  if (::stat(path.c_str(), &status) != 0) fail(fmt::format("cannot be read: {}", std::strerror(errno)));
  // Looked at before it is opened: opening a device can have effects of its own.
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) fail("is no file");
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor_ < 0) fail(fmt::format("cannot be read: {}", std::strerror(errno)));
  try {
    if (S_ISFIFO(status.st_mode)) require_writer();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

LineReader::~LineReader() { ::close(descriptor_); }

void LineReader::fail(const std::string& problem) const {
  throw Error(ExitCode::kBadInputFile,
              fmt::format("{}: {}; accepted: a readable text file, one prompt or JSON object a line",
                          printable(path_.native(), 4096), problem));
}

/// Opened so as not to wait, a pipe is at its end when nobody writes to it, and has nothing yet when somebody does.
void LineReader::require_writer() {
  buffer_.resize(kBufferBytes);
  const ssize_t got = ::read(descriptor_, buffer_.data(), buffer_.size());
  const int cause = errno;
  buffer_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got == 0) fail("is a pipe that nobody writes to");
  if (got < 0 && cause != EAGAIN) fail(fmt::format("cannot be read: {}", std::strerror(cause)));
}

/// More bytes, or none at the end.
void LineReader::fill() {
  position_ = 0;
  buffer_.resize(kBufferBytes);
  for (;;) {
    const ssize_t got = ::read(descriptor_, buffer_.data(), buffer_.size());
    if (got >= 0) return buffer_.resize(static_cast<std::size_t>(got));
    if (errno != EAGAIN && errno != EINTR) fail(fmt::format("cannot be read: {}", std::strerror(errno)));
    if (stop_.stop_requested()) {
      stopped_ = true;
      return buffer_.clear();
    }
    ::pollfd ready = {.fd = descriptor_, .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, kPollMilliseconds);
  }
}

std::optional<char> LineReader::next_byte() {
  if (position_ == buffer_.size()) fill();
  if (buffer_.empty()) return {};
  return buffer_[position_++];
}

std::optional<LineReader::Line> LineReader::next() {
  Line line;
  std::optional<char> byte = next_byte();
  if (!byte) return {};
  ++number_;
  for (; byte && *byte != '\n'; byte = next_byte()) {
    line.too_long = line.too_long || line.text.size() == kMaxLineBytes;
    if (!line.too_long) line.text += *byte;
  }
  if (stopped_) return {};
  if (number_ == 1 && line.text.starts_with(kByteOrderMark)) line.text.erase(0, kByteOrderMark.size());
  return line;
}

}  // namespace ditto
