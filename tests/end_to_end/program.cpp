#include "end_to_end/program.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_paths.h"

namespace ditto::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kPause{2};

/// A file without a name, for captured output.
int capture_file() {
  std::string name = (std::filesystem::temp_directory_path() / "ditto-output-XXXXXX").string();
  const int descriptor = ::mkostemp(name.data(), O_CLOEXEC);
  EXPECT_GE(descriptor, 0);
  ::unlink(name.c_str());
  return descriptor;
}

/// In the child only: nothing here may allocate or throw.
[[noreturn]] void execute(const char* program, char* const* arguments, const RunOptions& options, int out, int err) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_DFL);
  ::setenv("OMP_NUM_THREADS", "1", 1);
  ::setenv("OMP_WAIT_POLICY", "passive", 1);
  bool ready = ::chdir(options.folder.c_str()) == 0;
  if (options.bound_by_permissions && ::geteuid() == 0) {
    ready = ready && ::prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE) == 0;
    ready = ready && ::prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH) == 0;
  }
  if (options.max_file_bytes) {
    const ::rlimit limit = {*options.max_file_bytes, *options.max_file_bytes};
    ready = ready && ::setrlimit(RLIMIT_FSIZE, &limit) == 0;
  }
  ready = ready && ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO) >= 0;
  ready = ready && ::dup2(out, STDOUT_FILENO) >= 0 && ::dup2(err, STDERR_FILENO) >= 0;
  if (ready) ::execv(program, arguments);
  ::_exit(127);
}

}  // namespace

std::vector<nlohmann::json> Finished::events() const {
  std::vector<nlohmann::json> found;
  for (const std::string& line : lines_of(out)) {
    found.push_back(nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false));
    EXPECT_TRUE(found.back().is_object()) << "stdout holds more than JSON Lines: " << line;
  }
  return found;
}

std::vector<nlohmann::json> Finished::events(std::string_view event) const {
  std::vector<nlohmann::json> found = events();
  std::erase_if(found, [&](const nlohmann::json& line) { return line.value("event", "") != event; });
  return found;
}

std::string Running::Captured::text() const {
  std::string text;
  char piece[4096];
  for (ssize_t got = 0; (got = ::pread(descriptor, piece, sizeof piece, static_cast<off_t>(text.size()))) > 0;) {
    text.append(piece, static_cast<std::size_t>(got));
  }
  return text;
}

Running::Running(const std::string& program, const Arguments& arguments, const RunOptions& options) {
  const std::string path = program_path(program).string();
  std::vector<char*> words = {const_cast<char*>(path.c_str())};
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  out_.descriptor = capture_file();
  err_.descriptor = capture_file();
  int error_end = err_.descriptor;
  if (options.terminal) {
    terminal_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_TRUE(terminal_ >= 0 && ::grantpt(terminal_) == 0 && ::unlockpt(terminal_) == 0);
    error_end = ::open(::ptsname(terminal_), O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_GE(error_end, 0);
  }
  process_ = ::fork();
  EXPECT_GE(process_, 0);
  if (process_ == 0) execute(path.c_str(), words.data(), options, out_.descriptor, error_end);
  if (options.terminal) ::close(error_end);
}

Running::~Running() {
  if (!status_) {
    ::kill(process_, SIGKILL);
    ended(0);
  }
  for (const int descriptor : {out_.descriptor, err_.descriptor, terminal_}) {
    if (descriptor >= 0) ::close(descriptor);
  }
}

void Running::send(int signal) const { EXPECT_EQ(::kill(process_, signal), 0); }

bool Running::ended(int wait_flags) {
  int status = 0;
  if (!status_ && ::waitpid(process_, &status, wait_flags) == process_) status_ = status;
  return status_.has_value();
}

bool Running::wait_for(std::string_view text, const Captured& stream) {
  const auto deadline = Clock::now() + kPatience;
  for (;;) {
    const bool over = ended(WNOHANG);
    if (stream.text().find(text) != std::string::npos) return true;
    if (over || Clock::now() > deadline) return false;
    std::this_thread::sleep_for(kPause);
  }
}

bool Running::wait_for_output(std::string_view text) { return wait_for(text, out_); }

bool Running::wait_for_error(std::string_view text) { return wait_for(text, err_); }

Finished Running::finish() {
  const auto deadline = Clock::now() + kPatience;
  const auto drain_terminal = [this] {
    ::pollfd ready = {.fd = terminal_, .events = POLLIN, .revents = 0};
    while (terminal_ >= 0 && ::poll(&ready, 1, 0) == 1 && (ready.revents & POLLIN) != 0) {
      char piece[4096];
      const ssize_t got = ::read(terminal_, piece, sizeof piece);
      if (got <= 0) return;
      terminal_text_.append(piece, static_cast<std::size_t>(got));
    }
  };
  while (!ended(WNOHANG)) {
    drain_terminal();
    if (Clock::now() > deadline) {
      ADD_FAILURE() << "still running after a minute; stderr: " << err_.text();
      ::kill(process_, SIGKILL);
      ended(0);
    }
    std::this_thread::sleep_for(kPause);
  }
  drain_terminal();
  Finished result;
  if (WIFEXITED(*status_)) result.exit_code = WEXITSTATUS(*status_);
  if (WIFSIGNALED(*status_)) result.signal = WTERMSIG(*status_);
  result.out = out_.text();
  result.err = terminal_ >= 0 ? terminal_text_ : err_.text();
  return result;
}

Finished dit_gen(const Arguments& arguments, const RunOptions& options) {
  return Running("dit-gen", arguments, options).finish();
}

Finished dit_eval(const Arguments& arguments, const RunOptions& options) {
  return Running("dit-eval", arguments, options).finish();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

Arguments operator+(Arguments left, const Arguments& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

}  // namespace ditto::test
