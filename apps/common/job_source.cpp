#include "apps/common/job_source.h"

#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/arguments.h"
#include "core/error.h"
#include "core/printable.h"
#include "io/json_file.h"
#include "text/utf8.h"

namespace ditto {
namespace {

constexpr std::size_t kMaxNameBytes = 100;

[[noreturn]] void refuse(const std::string& source, const std::string& what, const std::string& accepted) {
  throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}; accepted: {}", source, what, accepted));
}

/// A line's name becomes part of file names.
void check_name(const std::string& name, const std::string& source) {
  const bool safe = !name.empty() && name.size() <= kMaxNameBytes && name.front() != '.' && name.front() != '-' &&
                    name.find('/') == std::string::npos && printable(name, kMaxNameBytes + 1) == name;
  if (!safe) {
    refuse(source, fmt::format("name: '{}' cannot be part of a file name", printable(name)),
           fmt::format("up to {} bytes without '/', not beginning with '.' or '-'", kMaxNameBytes));
  }
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

}  // namespace

void warn_without_effect(const JobSource& source, Console& console) {
  for (const std::string& option : source.options_without_effect()) {
    console.warn(option + ": had no effect: every line has its own");
  }
}

ResolvedRequest resolve_with_effect(const VideoModel& model, const Request& request) {
  ResolvedRequest resolved = resolve(model, request);
  if (!request.negative.empty() && resolved.branches.size() == 1) {
    throw Error(ExitCode::kUsage,
                fmt::format("--negative: has no effect at guidance {}; accepted: guidance above 1, or no negative",
                            resolved.guidance));
  }
  return resolved;
}

void refuse_no_prompts(const std::filesystem::path& prompts) {
  refuse(printable(prompts.string()), "holds no prompts", "one prompt or JSON object a line");
}

JobSource::JobSource(JobSourceSettings settings, Request base)
    : settings_(std::move(settings)), base_(std::move(base)), seeds_(settings_.seeds) {
  if (seeds_.empty()) seeds_.push_back(base_.seed);
  require_valid_utf8(base_.negative, "--negative");
  if (settings_.prompts) {
    lines_.emplace(*settings_.prompts, settings_.stop);
  } else {
    prompt_ = Job{{}, {}, base_};
  }
}

std::vector<std::string> JobSource::options_without_effect() const {
  std::vector<std::string> options;
  const auto add = [&](const char* option, bool given, bool used) {
    if (met_line_ && given && !used) options.emplace_back(option);
  };
  add("--seed", !settings_.seeds.empty(), used_.seed);
  add("--size", base_.width.has_value(), used_.size);
  add("--frames", base_.frames.has_value(), used_.frames);
  add("--negative", !base_.negative.empty(), used_.negative);
  return options;
}

std::optional<std::variant<Job, BadLine>> JobSource::next() {
  if (prompt_ && next_seed_ < seeds_.size()) {
    Job job = *prompt_;
    job.request.seed = seeds_[next_seed_++];
    return job;
  }
  return settings_.prompts ? next_of_file() : std::nullopt;
}

std::optional<std::variant<Job, BadLine>> JobSource::next_of_file() {
  prompt_.reset();
  while (std::optional<LineReader::Line> line = lines_->next()) {
    const std::string source = fmt::format("{}:{}", printable(settings_.prompts->string()), lines_->number());
    const std::string_view text = trimmed(line->text);
    if (!line->too_long && (text.empty() || text.front() == '#')) continue;
    try {
      if (line->too_long)
        refuse(source, "the line is too long", fmt::format("up to {} bytes", LineReader::kMaxLineBytes));
      ParsedLine parsed = parse_line(std::string(text), source);
      met_line_ = true;
      used_.seed |= parsed.defaulted.seed;
      used_.size |= parsed.defaulted.size;
      used_.frames |= parsed.defaulted.frames;
      used_.negative |= parsed.defaulted.negative;
      if (!parsed.defaulted.seed) return std::move(parsed.job);
      prompt_ = std::move(parsed.job);
      next_seed_ = 0;
      return next();
    } catch (const Error& error) {
      return BadLine{error.what()};
    }
  }
  return {};
}

JobSource::ParsedLine JobSource::parse_line(const std::string& text, const std::string& source) const {
  ParsedLine parsed{{fmt::format("{:04}", lines_->number()), source, base_}, {}};
  Job& job = parsed.job;
  const auto explained = [&](const auto& read) {
    try {
      read();
    } catch (const Error& error) {
      throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}", source, error.what()));
    }
  };
  if (text.front() != '{') {
    explained([&] { require_valid_utf8(text); });
    job.request.prompt = text;
    return parsed;
  }
  const nlohmann::json object = parse_json(text, source);
  JsonReader reader(object, source);
  job.request.prompt = reader.text("prompt");
  job.request.negative = reader.text("negative", base_.negative);
  if (reader.has("name")) check_name(job.name = reader.text("name"), source);
  if (reader.has("seed")) {
    if (settings_.given_noise) refuse(source, "seed: has no effect with --noise", "one of the two");
    job.request.seed = reader.unsigned_integer("seed");
  }
  if (reader.has("size")) {
    explained([&] {
      const PixelSize size = parse_size("size", reader.text("size"));
      job.request.width = size.width;
      job.request.height = size.height;
    });
  }
  if (reader.has("frames")) {
    job.request.frames = static_cast<int>(reader.integer("frames", {1, std::numeric_limits<int>::max()}));
  }
  parsed.defaulted = {!reader.has("seed"), !reader.has("size"), !reader.has("frames"), !reader.has("negative")};
  reader.refuse_unknown_keys();
  return parsed;
}

}  // namespace ditto
