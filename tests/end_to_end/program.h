#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/types.h>

namespace ditto::test {

/// The exit codes of the programs: part of their contract, so they are spelled out here.
inline constexpr int kDone = 0, kUsage = 2, kSomeJobsFailed = 3, kBadInputFile = 4, kOutOfMemory = 5;
inline constexpr int kOutputFailed = 6, kInterrupted = 130;
inline constexpr int kInternal = 1;

using Arguments = std::vector<std::string>;

/// How a program is started.
struct RunOptions {
  std::filesystem::path folder = ".";  ///< its working directory
  /// Permissions bind the program even when the tests run as root: its capabilities to override them are dropped.
  bool bound_by_permissions = false;
  std::optional<std::uint64_t> max_file_bytes = {};  ///< stands in for a full disk
  bool terminal = false;                             ///< stderr is a terminal
};

/// What a program that ended left.
struct Finished {
  int exit_code = -1;  ///< -1 when a signal ended it
  int signal = 0;
  std::string out, err;

  std::vector<nlohmann::json> events() const;                        ///< the JSON Lines of stdout
  std::vector<nlohmann::json> events(std::string_view event) const;  ///< those with this "event"
};

/// A started program. Its stdout and stderr go to files, so it never waits for the test.
class Running {
 public:
  /// `program` is a name in the folder of built programs.
  Running(const std::string& program, const Arguments& arguments, const RunOptions& options = {});
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void send(int signal) const;
  /// Waits until stdout (or stderr) holds `text`; false when the program ended before, or after a minute.
  bool wait_for_output(std::string_view text);
  bool wait_for_error(std::string_view text);
  /// Waits for the end. A program that takes longer than a minute is killed, which fails the test.
  Finished finish();

 private:
  struct Captured;
  bool wait_for(std::string_view text, const Captured& stream);
  bool ended(int wait_flags);

  struct Captured {
    int descriptor = -1;
    std::string text() const;
  };
  Captured out_, err_;
  int terminal_ = -1;
  std::string terminal_text_;
  pid_t process_ = -1;
  std::optional<int> status_;
};

/// Runs dit-gen to its end.
Finished dit_gen(const Arguments& arguments, const RunOptions& options = {});

/// Runs dit-eval to its end.
Finished dit_eval(const Arguments& arguments, const RunOptions& options);

/// The lines of a text, without their ends.
std::vector<std::string> lines_of(const std::string& text);

/// Joins argument lists.
Arguments operator+(Arguments left, const Arguments& right);

}  // namespace ditto::test
