#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "apps/common/sampling_arguments.h"
#include "apps/common/session.h"
#include "caches/registry.h"

namespace ditto {

/// Everything the default verb can be told.
struct GenerateArguments {
  ModelArguments model;
  std::optional<std::string> prompt, negative;
  std::optional<std::filesystem::path> prompts;
  SamplingArguments sampling;
  std::optional<int> fps;
  std::vector<std::string> cache;
  std::optional<std::filesystem::path> schedule, replay;
  std::optional<std::int64_t> cache_bytes;
  bool compare = false;
  std::optional<std::string> output;
  std::optional<std::string> frames_dir, contact_sheet, report, trace, save_noise, save_latents;
  std::optional<std::filesystem::path> noise;
  bool dry_run = false, json = false, quiet = false, overwrite = false, no_metadata = false;
};

void add_generate_options(CLI::App& app, GenerateArguments& arguments);

/// Throws Error(kUsage) for an option that could not take effect beside the others, and for a missing prompt.
void refuse_options_without_effect(const GenerateArguments& arguments);

/// The policies that `--cache`, `--schedule` and `--replay` ask for.
std::vector<PolicySpec> requested_policies(const GenerateArguments& arguments);

}  // namespace ditto
