#include "apps/common/console.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "core/printable.h"

namespace ditto {
namespace {

constexpr std::size_t kMaxMessageBytes = 2000;

/// False with errno set when not everything could be written.
bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t done = ::write(descriptor, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

}  // namespace

Console::Console(std::string program) : program_(std::move(program)), terminal_(::isatty(STDERR_FILENO) == 1) {}

void Console::result(std::string_view text) {
  if (!json_) write_result(std::string(text));
}

void Console::event(const nlohmann::ordered_json& object) {
  // Text from outside may be no UTF-8; it is replaced, for a JSON line must stay readable.
  if (json_) write_result(object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void Console::write_result(std::string text) {
  clear_status();
  text += '\n';
  if (!write_all(STDOUT_FILENO, text)) {
    throw ClosedOutput(
        fmt::format("stdout: cannot be written: {}; accepted: an open file or pipe", std::strerror(errno)));
  }
}

void Console::note(std::string_view text) {
  if (quiet_) return;
  clear_status();
  write_all(STDERR_FILENO, fmt::format("{}\n", text));
}

void Console::warn(std::string_view text) {
  event({{"event", "warning"}, {"message", text}});
  note(fmt::format("{}: warning: {}", program_, printable(text, kMaxMessageBytes)));
}

void Console::error(std::string_view text) {
  clear_status();
  write_all(STDERR_FILENO, fmt::format("{}: error: {}\n", program_, printable(text, kMaxMessageBytes)));
}

void Console::status(std::string_view text) {
  if (!redraws()) return;
  status_shown_ = true;
  write_all(STDERR_FILENO, fmt::format("\r\x1b[2K{}", text));
}

void Console::clear_status() {
  if (std::exchange(status_shown_, false)) write_all(STDERR_FILENO, "\r\x1b[2K");
}

}  // namespace ditto
