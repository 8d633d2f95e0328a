#include "apps/common/program.h"

#include <csignal>
#include <filesystem>
#include <new>
#include <string_view>

#include <c10/util/Exception.h>

#include <fmt/format.h>
#include <malloc.h>
#include <nlohmann/json.hpp>

#include "core/printable.h"
#include "runtime/pipeline.h"

namespace ditto {
namespace {

constexpr std::string_view kOutOfMemoryAdvice =
    "memory: exhausted; accepted: a smaller --size, fewer --frames, a --cache-bytes budget, or --dtype bf16";

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

/// c10's CPU allocator has no exception type of its own.
bool is_out_of_memory(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         text.find("can't allocate memory") != std::string::npos || text.find("not enough memory") != std::string::npos;
}

/// Every operation of a step frees and allocates its activations again. Given back to the system in between, they cost
/// a fault a page: up to a quarter of a clip's time, and more in a process's first run than in the next one.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc accepts
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

}  // namespace

Failure describe_current_exception() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const Cancelled&) {
    return {ExitCode::kInterrupted, "interrupted: stopped after a step; finished files are kept"};
  } catch (const std::bad_alloc&) {
    return {ExitCode::kOutOfMemory, std::string(kOutOfMemoryAdvice)};
  } catch (const c10::Error& error) {
    if (is_out_of_memory(error)) return {ExitCode::kOutOfMemory, std::string(kOutOfMemoryAdvice)};
    return {ExitCode::kInternal, "internal: " + first_line(error.what_without_backtrace())};
  } catch (const std::filesystem::filesystem_error& error) {
    return {ExitCode::kBadInputFile, fmt::format("{}: cannot be looked at: {}; accepted: what can be read",
                                                 printable(error.path1().string()), error.code().message())};
  } catch (const std::exception& error) {
    return {ExitCode::kInternal, "internal: " + first_line(error.what())};
  }
}

void report(Program& program, const Failure& failure) {
  program.interrupt.yield_to_end();
  try {
    program.console.event({{"event", "failed"}, {"error", failure.message}, {"code", static_cast<int>(failure.code)}});
  } catch (const ClosedOutput&) {
    // Nobody reads events any more; the line on stderr follows.
  }
  program.console.error(failure.message);
}

int run_program(const std::string& name, const std::function<ExitCode(Program&)>& body) {
  // A closed pipe and a limit on file sizes are errors to report.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  keep_freed_memory();
  Program program{Console(name), Interrupt(name)};
  try {
    const ExitCode code = body(program);
    program.interrupt.yield_to_end();
    return static_cast<int>(code);
  } catch (...) {
    const Failure failure = describe_current_exception();
    report(program, failure);
    return static_cast<int>(failure.code);
  }
}

}  // namespace ditto
