#pragma once

#include <set>
#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "eval/summary.h"

namespace ditto {

/// A Markdown table of the settings, one line each, in the order given: measured seconds and speed-up, computed units,
/// scores with their standard error over prompts, captions right, cache memory.
std::string markdown_table(std::span<const SettingSummary> settings);

/// Which of the published definitions the metrics of these scores follow, as in "psnr: dB, mean over frames. ssim:
/// ...".
std::string metric_conventions(const std::set<std::string>& score_names);

/// The names of all scores of the settings.
std::set<std::string> score_names_of(std::span<const SettingSummary> settings);

/// One line about machine, threads, libraries and commit, from what `describe_machine` wrote.
std::string machine_line(const nlohmann::ordered_json& machine);

}  // namespace ditto
