#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "core/error.h"

namespace ditto {

/// stdout takes no more: whoever reads the results has gone, so the program ends.
class ClosedOutput : public Error {
 public:
  explicit ClosedOutput(const std::string& message) : Error(ExitCode::kOutputFailed, message) {}
};

/// Where a program's words go: results to stdout, everything meant for people to stderr. With `json`, stdout carries
/// one JSON object per line and nothing else. `quiet` silences stderr but for errors.
class Console {
 public:
  explicit Console(std::string program);

  void set_json(bool json) { json_ = json; }
  void set_quiet(bool quiet) { quiet_ = quiet; }
  bool json() const { return json_; }
  /// Whether a status line can be redrawn in place: stderr is a terminal and not quiet.
  bool redraws() const { return terminal_ && !quiet_; }

  /// A result for people, on stdout; dropped with `json`. Throws ClosedOutput.
  void result(std::string_view text);
  /// A result for programs, on stdout; dropped without `json`. Throws as `result` does.
  void event(const nlohmann::ordered_json& object);
  /// News for people, on stderr.
  void note(std::string_view text);
  /// "<program>: warning: <text>" on stderr, and an event of that name.
  void warn(std::string_view text);
  /// "<program>: error: <text>" on stderr, on one line whatever the text holds.
  void error(std::string_view text);
  /// Replaces the line that is redrawn in place.
  void status(std::string_view text);

 private:
  void clear_status();
  void write_result(std::string text);

  std::string program_;
  bool json_ = false;
  bool quiet_ = false;
  bool terminal_ = false;
  bool status_shown_ = false;
};

}  // namespace ditto
