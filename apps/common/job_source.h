#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "apps/common/console.h"
#include "apps/common/line_reader.h"
#include "runtime/pipeline.h"

namespace ditto {

/// One clip to make. Of a job from a prompts file, `name` is the line's "name" or its number and `source` is where the
/// line is ("prompts.txt:7"); otherwise both are empty.
struct Job {
  std::string name, source;
  Request request;
};

/// A line that is no job, and why: "prompts.txt:7: ...".
struct BadLine {
  std::string message;
};

/// Where jobs come from: a prompts file, or the base request's own prompt; with every seed, or the base request's.
struct JobSourceSettings {
  std::optional<std::filesystem::path> prompts;
  std::vector<std::uint64_t> seeds = {};
  bool given_noise = false;   ///< a line's seed would then have no effect
  std::stop_token stop = {};  ///< ends the wait for a pipe's next line
};

/// Throws the Error(kBadInputFile) of a prompts file in which there is no prompt.
[[noreturn]] void refuse_no_prompts(const std::filesystem::path& prompts);

/// The jobs of a command line, one after another: every prompt with every seed.
class JobSource {
 public:
  /// Throws Error(kBadInputFile) when the prompts file cannot be read.
  JobSource(JobSourceSettings settings, Request base);

  /// None at the end, and when a stop was requested while the prompts file, a pipe, had nothing to read.
  std::optional<std::variant<Job, BadLine>> next();
  bool stopped() const { return lines_ && lines_->stopped(); }
  /// The options given to all jobs whose values every prompt so far had of its own.
  std::vector<std::string> options_without_effect() const;

 private:
  /// Which values a line leaves to the options.
  struct Defaulted {
    bool seed = true, size = true, frames = true, negative = true;
  };
  struct ParsedLine {
    Job job;
    Defaulted defaulted;
  };
  std::optional<std::variant<Job, BadLine>> next_of_file();
  ParsedLine parse_line(const std::string& text, const std::string& source) const;

  JobSourceSettings settings_;
  Request base_;
  std::vector<std::uint64_t> seeds_;
  std::optional<LineReader> lines_;
  std::optional<Job> prompt_;  ///< the prompt whose seeds are being handed out
  std::size_t next_seed_ = 0;
  bool met_line_ = false;
  Defaulted used_{false, false, false, false};  ///< by any line so far
};

/// The request with all defaults filled in. Throws what `resolve` throws, and Error(kUsage) for a negative prompt that
/// would have no effect.
ResolvedRequest resolve_with_effect(const VideoModel& model, const Request& request);

/// Warns, after the last job, of options that had no effect.
void warn_without_effect(const JobSource& source, Console& console);

}  // namespace ditto
