#include "apps/dit_eval/foreign_clips.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "eval/blank_line.h"
#include "io/confined_path.h"
#include "io/json_file.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

ForeignClip parse_clip(const std::string& line, const std::string& source, const fs::path& list) {
  const nlohmann::json json = parse_json(line, source);
  JsonReader reader(json, source);
  ForeignClip clip;
  EvaluationRecord& record = clip.record;
  record.row = reader.text("row");
  record.cache = reader.text("cache");
  record.prompt = reader.text("prompt");
  record.seed = reader.unsigned_integer("seed");
  constexpr NumberRange kPositive = {1e-9, 1e9};
  record.seconds = reader.number("seconds", kPositive);
  record.full_seconds = reader.number("full_seconds", kPositive);
  record.units_total = reader.integer("units_total", {1});
  record.units_computed = reader.integer("units_computed", {0, record.units_total});
  record.branch_steps_total = reader.integer("branch_steps_total", {1});
  record.branch_steps_computed = reader.integer("branch_steps_computed", {0, record.branch_steps_total});
  record.cache_bytes = reader.integer("cache_bytes", {-1}, -1);
  clip.frames = confined_path(list.parent_path(), reader.text("frames"), list);
  clip.reference = confined_path(list.parent_path(), reader.text("reference"), list);
  reader.refuse_unknown_keys();
  return clip;
}

}  // namespace

std::vector<ForeignClip> read_foreign_clips(const fs::path& folder, const Scenario& scenario) {
  const fs::path list = folder / "clips.jsonl";
  std::ifstream file(list);
  if (!file) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: cannot be read; accepted: a folder with the list clips.jsonl", list.string()));
  }
  std::vector<ForeignClip> clips;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (is_blank(line)) continue;
    const std::string source = fmt::format("{}:{}", list.string(), number);
    clips.push_back(parse_clip(line, source, list));
    const EvaluationRecord& record = clips.back().record;
    if (std::ranges::find(scenario.prompts, record.prompt) == scenario.prompts.end() ||
        std::ranges::find(scenario.seeds, record.seed) == scenario.seeds.end()) {
      throw Error(ExitCode::kBadInputFile,
                  fmt::format("{}: the scenario has no such prompt and seed; accepted: clips of {}", source,
                              scenario.path.string()));
    }
  }
  return clips;
}

}  // namespace ditto
