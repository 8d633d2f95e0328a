#include "apps/dit_eval/results_origin.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "io/data_folder.h"
#include "io/sha256.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

/// What the results of a folder have in common, in words: figures that differ in any of it do not belong into a table.
std::vector<std::pair<std::string, std::string>> origin_of(const nlohmann::ordered_json& machine) {
  const nlohmann::ordered_json model = machine.value("model", nlohmann::ordered_json::object());
  std::vector<std::pair<std::string, std::string>> origin = {{"weights", model.value("weight_hash", "unknown")}};
  for (const auto& [what, key] :
       std::initializer_list<std::pair<const char*, const char*>>{{"device", "device"},
                                                                  {"Ditto", "commit"},
                                                                  {"presets", "presets"},
                                                                  {"processor", "processor"},
                                                                  {"vector instructions", "vector_instructions"},
                                                                  {"BLAS", "blas"},
                                                                  {"LibTorch", "libtorch"}}) {
    origin.emplace_back(what, machine.value(key, "unknown"));
  }
  return origin;
}

}  // namespace

void refuse_other_origin(const fs::path& folder, const nlohmann::ordered_json& earlier,
                         const nlohmann::ordered_json& now) {
  const auto before = origin_of(earlier), today = origin_of(now);
  const auto [other, own] = std::ranges::mismatch(before, today);
  if (other == before.end()) return;
  throw Error(ExitCode::kUsage, fmt::format("-o: {} holds results of {} {}, this is {}; accepted: another folder",
                                            folder.string(), other->first, other->second, own->second));
}

std::string presets_digest() {
  const fs::path folder = data_folder("presets");
  std::set<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.insert(entry.path());
  }
  std::string digests;
  for (const fs::path& file : files) digests += file.lexically_relative(folder).string() + sha256_file(file);
  return sha256(digests);
}

}  // namespace ditto
