#include "apps/common/interrupt.h"

#include <csignal>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "core/error.h"

namespace ditto {

struct Interrupt::State {
  std::string program;
  std::stop_source stop;
  std::mutex mutex;
  std::set<std::filesystem::path> folders;
};

namespace {

/// The signals to wait for; one that was ignored from the start (a job in the background) stays ignored.
sigset_t stopping_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction action {};
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN) sigaddset(&signals, signal);
  }
  return signals;
}

/// Removes what io/atomic_file.h calls temporary: names that end in ".ditto-partial-<pid>" or "...-<count>".
void remove_unfinished(const std::set<std::filesystem::path>& folders) {
  const std::string mark = fmt::format(".ditto-partial-{}", ::getpid());
  std::error_code ignored;
  for (const auto& folder : folders) {
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
      const std::string name = entry.path().filename().string();
      const std::size_t at = name.rfind(mark);
      if (at == std::string::npos) continue;
      const std::string_view rest = std::string_view(name).substr(at + mark.size());
      if (rest.empty() || rest.front() == '-') std::filesystem::remove_all(entry.path(), ignored);
    }
  }
}

void say(const std::string& text) {
  // Nothing can be done about a closed stderr.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

Interrupt::Interrupt(std::string program) : state_(std::make_shared<State>()) {
  state_->program = std::move(program);
  const sigset_t signals = stopping_signals();
  if (sigisemptyset(&signals) == 1) return;
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // Detached: it waits in sigwait until the process ends.
  std::thread([signals, state = state_] {
    int signal = 0;
    sigwait(&signals, &signal);
    state->stop.request_stop();
    say(fmt::format("\n{}: stopping after the current step; once more stops at once\n", state->program));
    sigwait(&signals, &signal);
    const std::lock_guard lock(state->mutex);
    remove_unfinished(state->folders);
    say(fmt::format("{}: error: interrupted: stopped at once; finished files are kept\n", state->program));
    ::_exit(static_cast<int>(ExitCode::kInterrupted));
  }).detach();
}

std::stop_token Interrupt::token() const { return state_->stop.get_token(); }

void Interrupt::watch_folder(const std::filesystem::path& folder) {
  const std::lock_guard lock(state_->mutex);
  state_->folders.insert(folder.empty() ? std::filesystem::path(".") : folder);
}

}  // namespace ditto
