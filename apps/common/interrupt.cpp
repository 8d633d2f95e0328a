#include "apps/common/interrupt.h"

#include <atomic>
#include <csignal>
#include <mutex>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "apps/common/mapping_fault.h"
#include "core/error.h"
#include "core/printable.h"

namespace ditto {

struct Interrupt::State {
  std::string program;
  std::stop_source stop;
  std::atomic<bool> quiet = false;
  std::mutex mutex;
  std::set<std::filesystem::path> folders;

  /// Ends the process with a message and without unfinished files.
  [[noreturn]] void end(ExitCode code, const std::string& message);
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

/// Removes what io/atomic_file.h calls temporary: names that end in ".ditto-partial-<pid>" or "...-<count>". Work goes
/// on meanwhile, so a folder is taken out of its reach first: it could be renamed half empty otherwise.
void remove_unfinished(const std::set<std::filesystem::path>& folders) {
  const std::string mark = fmt::format(".ditto-partial-{}", ::getpid());
  std::error_code ignored;
  for (const auto& folder : folders) {
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
      const std::string name = entry.path().filename().string();
      const std::size_t at = name.rfind(mark);
      if (at == std::string::npos) continue;
      const std::string_view rest = std::string_view(name).substr(at + mark.size());
      if (!rest.empty() && rest.front() != '-') continue;
      const std::filesystem::path away = entry.path().string() + "-removed";
      std::filesystem::rename(entry.path(), away, ignored);
      std::filesystem::remove_all(away, ignored);
    }
  }
}

void say(const std::string& text) {
  // Nothing can be done about a closed stderr.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

void Interrupt::State::end(ExitCode code, const std::string& message) {
  const std::lock_guard lock(mutex);
  remove_unfinished(folders);
  say(fmt::format("{}: error: {}\n", program, message));
  ::_exit(static_cast<int>(code));
}

Interrupt::Interrupt(std::string program) : state_(std::make_shared<State>()) {
  state_->program = std::move(program);
  const int fault = SIGRTMIN;
  sigset_t signals = stopping_signals();
  sigaddset(&signals, fault);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  turn_mapping_faults_into(fault);
  // Detached: it waits in sigwait until the process ends.
  std::thread([signals, fault, state = state_] {
    const auto next = [&] {
      int signal = 0;
      sigwait(&signals, &signal);
      if (signal == fault) {
        state->end(ExitCode::kBadInputFile, printable(faulted_file(), 4096) +
                                                ": shrank or could not be read while it was in use; accepted: a file "
                                                "that stays as it is");
      }
    };
    next();
    state->stop.request_stop();
    if (!state->quiet) {
      say(fmt::format("{}{}: stopping after the current step; once more stops at once\n",
                      ::isatty(STDERR_FILENO) == 1 ? "\n" : "", state->program));
    }
    next();
    state->end(ExitCode::kInterrupted, "interrupted: stopped at once; finished files are kept");
  }).detach();
}

std::stop_token Interrupt::token() const { return state_->stop.get_token(); }

void Interrupt::set_quiet(bool quiet) { state_->quiet = quiet; }

void Interrupt::yield_to_end() const { const std::lock_guard waits_for_ever_at_the_end(state_->mutex); }

void Interrupt::watch_folder(const std::filesystem::path& folder) {
  const std::lock_guard lock(state_->mutex);
  state_->folders.insert(folder.empty() ? std::filesystem::path(".") : folder);
}

}  // namespace ditto
