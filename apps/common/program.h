#pragma once

#include <functional>
#include <string>

#include "apps/common/console.h"
#include "apps/common/interrupt.h"
#include "core/error.h"

namespace ditto {

/// What every program has: its voice and its ear for signals.
struct Program {
  Console console;
  Interrupt interrupt;
};

/// The frame of every `main`: sets up signals (a closed pipe is an error to report, not a death), runs `body` and turns
/// whatever it throws into one line on stderr and the documented exit code.
int run_program(const std::string& name, const std::function<ExitCode(Program&)>& body);

/// The one line and exit code that an exception stands for. To be called while it is handled.
struct Failure {
  ExitCode code;
  std::string message;
};
Failure describe_current_exception();

/// Says what went wrong: one line on stderr, and with --json an event "failed" with `error` and exit `code`.
void report(Program& program, const Failure& failure);

}  // namespace ditto
