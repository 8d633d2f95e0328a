#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "core/run_info.h"
#include "core/site.h"

namespace ditto {

/// What full runs of a model taught about it: `NAME.json` says of which model and settings, `NAME.safetensors` holds
/// the arrays. Names and shapes of the arrays are listed in docs/profiles.md.
struct Profile {
  static constexpr std::string_view kSchema = "ditto-profile/1";  ///< what the JSON file says it is

  std::filesystem::path path;  ///< of the JSON file, for messages
  ModelIdentity model;
  int units = 0;  ///< of the model
  RunInfo run;
  std::vector<double> sigmas;  ///< noise levels of the full grid, run.steps + 1 of them
  std::string version;
  std::string dtype;  ///< of the model while it was measured; empty when it is not known
  int prompts = 0;    ///< how many runs the arrays are means over
  std::map<std::string, at::Tensor> arrays;

  /// Reads `NAME.json` and `NAME.safetensors`; `name` may end in .json. Throws Error(kBadInputFile), also when the two
  /// files are not of one profile.
  static Profile read(const std::filesystem::path& name);

  /// Writes both files, each atomically, the arrays first. Throws Error(kOutputFailed).
  void write(const std::filesystem::path& name) const;

  /// The two files of that name, the JSON file first.
  static std::array<std::filesystem::path, 2> files(const std::filesystem::path& name);

  bool has(std::string_view array) const { return arrays.contains(std::string(array)); }

  /// An array by name; Error(kBadInputFile) naming the profile when it was not measured.
  const at::Tensor& array(std::string_view name) const;

  /// Error(kBadInputFile) naming both sides when model weights, solver, shift, guidance, steps or resolution of a run
  /// are not those of the profile.
  void require_fits(const Topology& topology, const RunInfo& run) const;

  /// The same for another profile, which the message names by its path.
  void require_same(const Profile& other) const;

 private:
  void require_made_for(const ModelIdentity& model, const RunInfo& run, const std::string& whose) const;
};

}  // namespace ditto
