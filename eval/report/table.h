#pragma once

#include <span>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "eval/summary.h"

namespace ditto {

/// A Markdown table of the settings, one line each, in the order given: measured seconds and speed-up, computed units,
/// scores with their standard error over clips, captions right, cache memory.
std::string markdown_table(std::span<const SettingSummary> settings);

/// One line about machine, threads, libraries and commit, from what `describe_machine` wrote.
std::string machine_line(const nlohmann::ordered_json& machine);

}  // namespace ditto
