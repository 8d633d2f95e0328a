#include "eval/record.h"

#include <fstream>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "core/error.h"
#include "eval/blank_line.h"
#include "io/json_file.h"

namespace ditto {
namespace {

std::map<std::string, double> read_scores(JsonReader& reader, const char* key) {
  std::map<std::string, double> scores;
  const nlohmann::json& object = reader.value(key);
  if (!object.is_object()) reader.fail(key, "is no object", "a number for each metric");
  for (const auto& [name, value] : object.items()) {
    if (!value.is_number()) reader.fail(key, fmt::format("'{}' is no number", name), "a number for each metric");
    scores[name] = value.get<double>();
  }
  return scores;
}

}  // namespace

std::string EvaluationRecord::key() const { return fmt::format("{}\n{}\n{}\n{}\n{}", row, cache, goal, prompt, seed); }

nlohmann::ordered_json EvaluationRecord::to_json() const {
  nlohmann::ordered_json json = {{"row", row},
                                 {"cache", cache},
                                 {"goal", goal},
                                 {"prompt", prompt},
                                 {"seed", seed},
                                 {"seconds", seconds},
                                 {"full_seconds", full_seconds},
                                 {"units_computed", units_computed},
                                 {"units_total", units_total},
                                 {"branch_steps_computed", branch_steps_computed},
                                 {"branch_steps_total", branch_steps_total},
                                 {"cache_bytes", cache_bytes},
                                 {"scores", scores},
                                 {"worst", worst},
                                 {"frame_hash", frame_hash}};
  if (caption_right) json["caption_right"] = *caption_right;
  if (!inputs.empty()) json["inputs"] = inputs;
  return json;
}

EvaluationRecord EvaluationRecord::parse(const std::string& line, const std::string& source) {
  const nlohmann::json json = parse_json(line, source);
  JsonReader reader(json, source);
  EvaluationRecord record;
  record.row = reader.text("row");
  record.cache = reader.text("cache");
  record.goal = reader.number("goal");
  record.prompt = reader.text("prompt");
  record.seed = reader.unsigned_integer("seed");
  constexpr NumberRange kPositive = {1e-9, 1e9};
  record.seconds = reader.number("seconds", kPositive);
  record.full_seconds = reader.number("full_seconds", kPositive);
  record.units_total = reader.integer("units_total", {1});
  record.units_computed = reader.integer("units_computed", {0, record.units_total});
  record.branch_steps_total = reader.integer("branch_steps_total", {1});
  record.branch_steps_computed = reader.integer("branch_steps_computed", {0, record.branch_steps_total});
  record.cache_bytes = reader.integer("cache_bytes", {-1});
  record.scores = read_scores(reader, "scores");
  record.worst = read_scores(reader, "worst");
  if (reader.has("caption_right")) record.caption_right = reader.boolean("caption_right");
  record.frame_hash = reader.text("frame_hash");
  record.inputs = reader.text("inputs", "");
  reader.refuse_unknown_keys();
  return record;
}

std::vector<EvaluationRecord> read_records(const std::filesystem::path& path) {
  std::vector<EvaluationRecord> records;
  std::ifstream file(path);
  std::map<std::string, std::size_t> places;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (file.eof()) break;  // without a newline: torn
    if (is_blank(line)) continue;
    EvaluationRecord record = EvaluationRecord::parse(line, fmt::format("{}:{}", path.string(), number));
    const auto [place, fresh] = places.try_emplace(record.key(), records.size());
    if (fresh) {
      records.push_back(std::move(record));
    } else {
      records[place->second] = std::move(record);
    }
  }
  return records;
}

void append_record(const std::filesystem::path& path, const EvaluationRecord& record) {
  const std::string line = record.to_json().dump() + "\n";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  const bool written =
      file >= 0 && ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(file) == 0;
  if (file >= 0) ::close(file);
  if (!written)
    throw Error(ExitCode::kOutputFailed, path.string() + ": cannot be written; accepted: a writable folder");
}

}  // namespace ditto
