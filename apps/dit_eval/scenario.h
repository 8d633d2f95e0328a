#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "caches/registry.h"
#include "runtime/pipeline.h"

namespace ditto {

/// A line of the table to be: a policy with one or more settings. `{x}` in `cache` stands for each of `values`,
/// `{dir}` for the scenario's folder; " + " joins stacked policies.
struct ScenarioRow {
  std::string name;
  std::string cache;
  std::vector<std::string> values;  ///< one empty value when the specification has no {x}
  bool rival = false;               ///< fewer steps rather than a cache: shown apart
  std::filesystem::path folder;

  /// What the row is called at one of the values; `{dir}` stays, wherever the scenario lies.
  std::string setting(const std::string& value) const;
  /// The stacked specifications at one of the values.
  std::vector<std::string> specifications(const std::string& value) const;
  std::vector<PolicySpec> policies(const std::string& value) const;
};

/// What to measure: rows x settings x prompts x seeds. With `goals` each row is tuned on the first `tuning_prompts`
/// prompts and run only at the setting that comes nearest to each wanted speed-up.
struct Scenario {
  std::filesystem::path path;
  std::string name;
  std::filesystem::path model;  ///< empty: the shipped miniature
  std::string device = "cpu";   ///< as for dit-gen --device
  std::string dtype = "fp32";
  int threads = 1;
  Request request;  ///< without prompt and seed
  std::vector<std::string> prompts;
  std::vector<std::uint64_t> seeds = {42};
  int repetitions = 1;  ///< above 1, every clip is timed so often, each time beside full compute; medians count
  std::vector<double> goals;
  int tuning_prompts = 2;
  std::vector<std::string> metrics = {"psnr", "ssim"};
  std::vector<std::string> left_out;  ///< optional metrics that are not available here, each with the reason
  std::optional<double> crf;          ///< score clips also as they come back from an mp4 of that quality
  std::vector<ScenarioRow> rows;

  /// Throws Error(kBadInputFile) naming key and value, for policies and metrics that do not exist too.
  static Scenario read(const std::filesystem::path& path);
};

}  // namespace ditto
