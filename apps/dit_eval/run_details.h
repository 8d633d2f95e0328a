#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/dit_eval/scenario.h"

namespace ditto {

/// One measured run: a setting of a row with a prompt and a seed.
struct RunKey {
  std::string row, cache;
  double goal = 0;
  std::string prompt;
  std::uint64_t seed = 0;

  std::string text() const;
};

/// Where the detail of a run lies in a folder of results, without extension.
std::filesystem::path detail_stem(const std::filesystem::path& folder, const RunKey& key);

/// The dit-gen command line that makes a run of a scenario again, with a report of it.
std::string run_command(const Scenario& scenario, const Request& request,
                        const std::vector<std::string>& specifications);

}  // namespace ditto
