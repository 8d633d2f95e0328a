#include "apps/dit_gen/output_naming.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "apps/common/input_guard.h"
#include "core/error.h"
#include "core/printable.h"
#include "io/atomic_file.h"
#include "io/file_extension.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

const std::set<fs::path> kFrameFiles = {".png"}, kReportFiles = {".html", ".png", ".svg"};

constexpr std::string_view kName = "{name}";
constexpr std::string_view kSeed = "{seed}";

[[noreturn]] void refuse(std::string_view option, const std::string& what, std::string_view accepted) {
  throw Error(ExitCode::kUsage, fmt::format("{}: {}; accepted: {}", option, what, accepted));
}

/// In one pass: a name may look like a placeholder.
std::string filled(const std::string& pattern, const std::string& name, const std::string& seed) {
  std::string text;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::string_view rest = std::string_view(pattern).substr(at);
    const std::string_view mark = rest.starts_with(kName) ? kName : rest.starts_with(kSeed) ? kSeed : rest.substr(0, 1);
    text += mark == kName ? name : mark == kSeed ? seed : std::string(mark);
    at += mark.size();
  }
  return text;
}

/// Whether `-o` means a video; anything else is a folder, but a mistaken video format should not become one.
bool names_video(const std::string& output) {
  const std::string extension = file_extension(output);
  if (extension == ".mp4") return true;
  static const std::vector<std::string> kOtherFiles = {
      ".avi",  ".gif", ".jpeg", ".jpg", ".json", ".jsonl",       ".m4v", ".mkv",  ".mov",  ".mp3",
      ".mpeg", ".mpg", ".ogv",  ".png", ".pt",   ".safetensors", ".txt", ".webm", ".webp", ".wmv"};
  if (std::ranges::find(kOtherFiles, extension) != kOtherFiles.end()) {
    refuse("--output", fmt::format("'{}' is no format that is written", extension),
           "a name ending in .mp4, or a folder for PNG frames");
  }
  return false;
}

std::vector<std::pair<std::string, const std::optional<std::string>*>> path_options(const GenerateArguments& a) {
  return {{"--output", &a.output},
          {"--frames-dir", &a.frames_dir},
          {"--contact-sheet", &a.contact_sheet},
          {"--report", &a.report},
          {"--trace", &a.trace},
          {"--save-noise", &a.save_noise},
          {"--save-latents", &a.save_latents}};
}

fs::path normal(const fs::path& path) {
  std::error_code unreachable;
  const fs::path whole = fs::weakly_canonical(fs::absolute(path), unreachable);
  const fs::path normal = unreachable ? fs::absolute(path).lexically_normal() : whole;
  return normal.filename().empty() ? normal.parent_path() : normal;
}

}  // namespace

std::vector<fs::path> JobOutputs::files() const {
  std::vector<fs::path> paths = {video, contact_sheet, trace, save_noise, save_latents};
  std::erase_if(paths, [](const fs::path& path) { return path.empty(); });
  return paths;
}

std::vector<fs::path> JobOutputs::folders() const {
  std::vector<fs::path> paths = {frames, frames_dir, report};
  std::erase_if(paths, [](const fs::path& path) { return path.empty(); });
  return paths;
}

OutputNaming::OutputNaming(const GenerateArguments& arguments)
    : arguments_(arguments),
      several_jobs_(arguments.prompts.has_value() || arguments.sampling.seeds.size() > 1),
      writes_video_(!arguments.output || names_video(*arguments.output)) {
  for (const auto& [option, path] : path_options(arguments)) {
    if (!*path) continue;
    check_pattern(option, **path);
    for (const auto& [other, other_path] : path_options(arguments)) {
      const bool same = option < other && *other_path && normal(**path) == normal(**other_path);
      if (same) refuse(option, fmt::format("is the same path as {}", other), "another path");
    }
  }
  if (!writes_video_ && arguments.fps) refuse("--fps", "has no effect on PNG frames", "with an .mp4 output");
  if (!writes_video_ && arguments.no_metadata) {
    refuse("--no-metadata", "has no effect on PNG frames", "with an .mp4 output");
  }
}

bool OutputNaming::is_pattern(const std::string& path) const {
  return several_jobs_ && (path.find(kName) != std::string::npos || path.find(kSeed) != std::string::npos);
}

void OutputNaming::check_pattern(const std::string& option, const std::string& path) const {
  if (!is_pattern(path)) return;
  const auto require = [&](std::string_view placeholder, bool needed) {
    if (needed && path.find(placeholder) == std::string::npos) {
      refuse(option, "several jobs would write the same path", fmt::format("a pattern that holds {}", placeholder));
    }
  };
  require(kSeed, arguments_.sampling.seeds.size() > 1);
  require(kName, arguments_.prompts.has_value());
}

std::string OutputNaming::suffix(const std::string& job_name, std::uint64_t seed) const {
  return arguments_.prompts ? fmt::format("{}-{}", job_name, seed) : fmt::format("{}", seed);
}

fs::path OutputNaming::file(const std::string& path, const std::string& job_name, std::uint64_t seed) const {
  if (is_pattern(path)) return filled(path, job_name, fmt::format("{}", seed));
  if (!several_jobs_) return path;
  const fs::path whole(path);
  return whole.parent_path() /
         fmt::format("{}-{}{}", whole.stem().string(), suffix(job_name, seed), whole.extension().string());
}

fs::path OutputNaming::folder(const std::string& path, const std::string& job_name, std::uint64_t seed) const {
  if (is_pattern(path)) return file(path, job_name, seed);
  return several_jobs_ ? fs::path(path) / suffix(job_name, seed) : fs::path(path);
}

JobOutputs OutputNaming::outputs(const std::string& job_name, std::uint64_t seed) const {
  JobOutputs outputs;
  if (!arguments_.output) {
    outputs.video = fmt::format("ditto-{}.mp4", suffix(job_name, seed));
  } else if (writes_video_) {
    outputs.video = file(*arguments_.output, job_name, seed);
  } else {
    outputs.frames = folder(*arguments_.output, job_name, seed);
  }
  if (arguments_.frames_dir) outputs.frames_dir = folder(*arguments_.frames_dir, job_name, seed);
  if (arguments_.report) outputs.report = folder(*arguments_.report, job_name, seed);
  const auto named = [&](const std::optional<std::string>& path) {
    return path ? file(*path, job_name, seed) : fs::path();
  };
  outputs.contact_sheet = named(arguments_.contact_sheet);
  outputs.trace = named(arguments_.trace);
  outputs.save_noise = named(arguments_.save_noise);
  outputs.save_latents = named(arguments_.save_latents);
  return outputs;
}

std::vector<fs::path> OutputNaming::job_folders() const {
  std::vector<fs::path> folders;
  const auto add = [&](const std::optional<std::string>& path) {
    if (path && several_jobs_ && !is_pattern(*path)) folders.emplace_back(*path);
  };
  if (!writes_video_) add(arguments_.output);
  add(arguments_.frames_dir);
  add(arguments_.report);
  return folders;
}

/// A folder is written as a whole: what lies in it would be in its way, or go.
void refuse_outputs_in_folders(const JobOutputs& outputs) {
  std::vector<fs::path> all = outputs.files();
  const std::vector<fs::path> folders = outputs.folders();
  all.insert(all.end(), folders.begin(), folders.end());
  for (const fs::path& folder : folders) {
    for (const fs::path& path : all) {
      const fs::path inside = normal(path).lexically_relative(normal(folder));
      if (inside.empty() || inside == "." || *inside.begin() == "..") continue;
      refuse(printable(path.string()), fmt::format("lies in the output folder {}", printable(folder.string())),
             "a path outside of it");
    }
  }
}

void check_outputs(const JobOutputs& outputs, bool overwrite, const std::vector<fs::path>& inputs) {
  refuse_outputs_in_folders(outputs);
  for (const fs::path& path : outputs.files()) {
    refuse_input_as_output(path, inputs);
    require_writable_target(path, overwrite);
  }
  for (const fs::path& path : outputs.folders()) {
    refuse_input_as_output(path, inputs);
    require_writable_folder(path, overwrite);
    require_replaceable_folder(path, path == outputs.report ? kReportFiles : kFrameFiles);
  }
}

}  // namespace ditto
