#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

namespace ditto {

/// Turns SIGINT and SIGTERM into a stop request: the first one asks the work to end after the current step, the second
/// one ends the process at once, with exit code 130 and without leaving unfinished files. A mapped input file that
/// shrinks ends it likewise, with the exit code of a bad input file. To be made in `main` before any other thread, so
/// that every thread inherits the blocked signals.
class Interrupt {
 public:
  explicit Interrupt(std::string program);

  std::stop_token token() const;
  /// Whether a signal came.
  bool requested() const { return token().stop_requested(); }
  /// Leaves out the word that the first signal was heard.
  void set_quiet(bool quiet);
  /// Does not return once the process is being ended: what fails then fails because its files are being removed. To be
  /// called before a failure is reported and before the program returns.
  void yield_to_end() const;
  /// A folder in which unfinished files of this process may lie when the second signal comes.
  void watch_folder(const std::filesystem::path& folder);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the thread that waits for signals
};

}  // namespace ditto
