#pragma once

#include <stdexcept>
#include <string>

namespace ditto {

/// Process exit codes of every program; part of the command-line contract.
enum class ExitCode : int {
  kDone = 0,
  kInternal = 1,
  kUsage = 2,
  kSomeJobsFailed = 3,
  kBadInputFile = 4,
  kOutOfMemory = 5,
  kOutputFailed = 6,
  kInterrupted = 130,
};

/// A failure with a cause the user can act on: one line "<file or option>: <what is wrong>; <what is accepted>",
/// and the exit code a program ends with when nobody handles it.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

}  // namespace ditto
