#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/pipeline.h"

namespace ditto {

/// One clip to make. `name` is that of a prompts file's line ("name", or its number), else empty.
struct Job {
  std::string name;
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
  bool given_noise = false;  ///< a line's seed would then have no effect
};

/// The jobs of a command line, one after another: every prompt with every seed. A prompts file is read line by line, so
/// that its length costs neither memory nor time at the start.
class JobSource {
 public:
  /// Throws Error(kBadInputFile) when the prompts file cannot be read.
  JobSource(JobSourceSettings settings, Request base);

  std::optional<std::variant<Job, BadLine>> next();

 private:
  struct Line {
    std::string text;
    bool too_long = false;
  };
  std::optional<Line> read_line();
  std::optional<std::variant<Job, BadLine>> next_of_file();
  struct ParsedLine {
    Job job;
    bool has_seed = false;
  };
  ParsedLine parse_line(const std::string& text, const std::string& source) const;

  JobSourceSettings settings_;
  Request base_;
  std::vector<std::uint64_t> seeds_;
  std::ifstream file_;
  std::int64_t line_number_ = 0;
  std::optional<Job> prompt_;  ///< the prompt whose seeds are being handed out
  std::size_t next_seed_ = 0;
};

}  // namespace ditto
