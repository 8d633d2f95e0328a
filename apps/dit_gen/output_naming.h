#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/dit_gen/generate_arguments.h"

namespace ditto {

/// The paths one job writes; an empty one is not asked for. Exactly one of `video` and `frames` is set.
struct JobOutputs {
  std::filesystem::path video, frames;
  std::filesystem::path frames_dir, contact_sheet, report, trace, save_noise, save_latents;

  const std::filesystem::path& main() const { return video.empty() ? frames : video; }
  std::vector<std::filesystem::path> files() const;    ///< those asked for
  std::vector<std::filesystem::path> folders() const;  ///< those asked for
};

/// Names the outputs of every job. One job writes what the options say. Of several jobs, an option that holds `{seed}`
/// or `{name}` is a pattern; otherwise `clip.mp4` becomes `clip-<seed>.mp4`, or `clip-<name>-<seed>.mp4` with a prompts
/// file, and a folder for PNG frames holds one folder of that name per job: `DIR/<seed>/`. <name> is a line's "name",
/// or its number in the file.
class OutputNaming {
 public:
  /// Throws Error(kUsage) for names that cannot be: a video format other than mp4, a pattern that gives several jobs
  /// one name, two options with one path, `--fps` or `--no-metadata` without an mp4.
  explicit OutputNaming(const GenerateArguments& arguments);

  JobOutputs outputs(const std::string& job_name, std::uint64_t seed) const;
  bool several_jobs() const { return several_jobs_; }
  /// Folders to hold the outputs of several jobs, which are made when they are missing.
  std::vector<std::filesystem::path> job_folders() const;

 private:
  bool is_pattern(const std::string& path) const;
  void check_pattern(const std::string& option, const std::string& path) const;
  std::string suffix(const std::string& job_name, std::uint64_t seed) const;
  std::filesystem::path file(const std::string& path, const std::string& job_name, std::uint64_t seed) const;
  std::filesystem::path folder(const std::string& path, const std::string& job_name, std::uint64_t seed) const;

  const GenerateArguments& arguments_;
  bool several_jobs_;
  bool writes_video_;
};

/// Throws, before any work, for outputs that exist (unless `overwrite`), cannot be written, or are also inputs.
void check_outputs(const JobOutputs& outputs, bool overwrite, const std::vector<std::filesystem::path>& inputs);

}  // namespace ditto
