#include "apps/dit_eval/scenario.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/arguments.h"
#include "apps/dit_eval/blame_file.h"
#include "apps/dit_eval/codec_pass.h"
#include "core/error.h"
#include "core/printable.h"
#include "eval/metrics/registry.h"
#include "io/json_file.h"

namespace ditto {
namespace {

std::string replaced(std::string text, std::string_view mark, const std::string& value) {
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size())) {
    text.replace(at, mark.size(), value);
  }
  return text;
}

/// Numbers and texts alike, as they are written in a specification.
std::vector<std::string> read_values(JsonReader& reader) {
  if (!reader.has("x")) return {""};
  std::vector<std::string> values;
  for (const nlohmann::json& value : reader.value("x")) {
    values.push_back(value.is_string() ? value.get<std::string>() : value.dump());
  }
  if (values.empty()) reader.fail("x", "is empty", "a list of settings, mildest first");
  return values;
}

ScenarioRow read_row(JsonReader reader, const std::filesystem::path& folder) {
  ScenarioRow row;
  row.name = reader.text("name");
  row.cache = reader.text("cache");
  row.rival = reader.boolean("rival", false);
  row.values = read_values(reader);
  row.folder = folder;
  if (row.cache.find("{dir}") != std::string::npos && folder.string().find(',') != std::string::npos) {
    reader.fail("cache", fmt::format("{{dir}} is '{}', whose comma would end an option", printable(folder.string())),
                "a folder without commas");
  }
  const bool varies = row.cache.find("{x}") != std::string::npos;
  if (varies != reader.has("x"))
    reader.fail("x", "does not belong to the specification", "{x} in \"cache\" and a list \"x\"");
  for (const std::string& value : row.values) {
    try {
      row.policies(value);
    } catch (const Error& error) {
      reader.fail("cache", error.what(), "a specification as --cache takes it");
    }
  }
  reader.refuse_unknown_keys();
  return row;
}

std::vector<std::uint64_t> read_seeds(JsonReader& reader) {
  constexpr auto kAccepted = "a list of integers from 0 to 18446744073709551615, each once";
  std::vector<std::uint64_t> seeds;
  const nlohmann::json& list = reader.value("seeds");
  if (!list.is_array()) reader.fail("seeds", "is no list", kAccepted);
  for (const nlohmann::json& seed : list) {
    if (!seed.is_number_unsigned()) {
      reader.fail("seeds", fmt::format("{} is no seed", printable(seed.dump())), kAccepted);
    }
    if (std::ranges::find(seeds, seed.get<std::uint64_t>()) != seeds.end()) {
      reader.fail("seeds", fmt::format("{} is there twice", seed.dump()), kAccepted);
    }
    seeds.push_back(seed.get<std::uint64_t>());
  }
  return seeds;
}

/// A row's tuning is kept and found by its name, so rows of one name can share a curve only where nothing is tuned.
void refuse_equal_names(const JsonReader& reader, const Scenario& scenario) {
  if (scenario.goals.empty()) return;
  for (auto row = scenario.rows.begin(); row != scenario.rows.end(); ++row) {
    const auto earlier = std::ranges::find(scenario.rows.begin(), row, row->name, &ScenarioRow::name);
    if (earlier == row) continue;
    reader.fail(fmt::format("rows[{}].name", row - scenario.rows.begin()),
                fmt::format("'{}' is the name of rows[{}] too", printable(row->name), earlier - scenario.rows.begin()),
                "with goals, a name of its own for every row");
  }
}

void read_request(JsonReader& reader, const std::filesystem::path& path, Request& request) {
  if (reader.has("size")) {
    const PixelSize size = blame_file(path, [&] { return parse_size("size", reader.text("size")); });
    request.width = size.width;
    request.height = size.height;
  }
  if (reader.has("frames")) request.frames = static_cast<int>(reader.integer("frames", {1, 1 << 20}));
  if (reader.has("steps")) request.steps = static_cast<int>(reader.integer("steps", {1, 100'000}));
  if (reader.has("guidance")) request.guidance = reader.number("guidance", {0, 1000});
  if (reader.has("shift")) request.shift = reader.number("shift", {0.001, 1000});
  if (reader.has("solver")) request.solver = reader.text("solver");
}

void read_metrics(JsonReader& reader, const std::filesystem::path& path, Scenario& scenario) {
  scenario.metrics = reader.texts("metrics", scenario.metrics);
  for (const std::string& metric : scenario.metrics) blame_file(path, [&] { find_metric("metrics", metric); });
  for (const std::string& name : reader.texts("optional_metrics", std::vector<std::string>{})) {
    const auto entry = std::ranges::find(metrics(), name, &MetricEntry::name);
    const auto reason = entry == metrics().end() ? std::nullopt : entry->unavailable();
    if (reason) {
      scenario.left_out.push_back(fmt::format("{} is left out: {}", name, *reason));
    } else {
      blame_file(path, [&] { find_metric("optional_metrics", name); });
      scenario.metrics.push_back(name);
    }
  }
  if (!reader.has("through_codec")) return;
  scenario.crf = blame_file(path, [&] { return parse_crf("through_codec", reader.text("through_codec")); });
}

}  // namespace

std::string ScenarioRow::setting(const std::string& value) const { return replaced(cache, "{x}", value); }

std::vector<std::string> ScenarioRow::specifications(const std::string& value) const {
  const std::string text = setting(value);
  std::vector<std::string> parts;
  constexpr std::string_view kJoin = " + ";
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(kJoin, begin), text.size());
    parts.push_back(replaced(text.substr(begin, end - begin), "{dir}", folder.string()));
    begin = end + kJoin.size();
  }
  return parts;
}

std::vector<PolicySpec> ScenarioRow::policies(const std::string& value) const {
  std::vector<PolicySpec> policies;
  for (const std::string& text : specifications(value)) policies.push_back(parse_policy(text));
  return policies;
}

Scenario Scenario::read(const std::filesystem::path& path) {
  const nlohmann::json document = read_json_file(path);
  JsonReader reader(document, path.string());
  Scenario scenario;
  scenario.path = path;
  scenario.name = reader.text("name");
  scenario.model = reader.text("model", "");
  scenario.device = reader.text("device", "cpu");
  const std::vector<std::string> dtypes = {"fp32", "bf16", "fp16"};
  scenario.dtype = reader.choice("dtype", dtypes, "fp32");
  scenario.threads = static_cast<int>(reader.integer("threads", {1, 4096}, 1));
  read_request(reader, path, scenario.request);
  scenario.prompts = reader.texts("prompts");
  if (scenario.prompts.empty()) reader.fail("prompts", "is empty", "at least one prompt");
  if (reader.has("seeds")) scenario.seeds = read_seeds(reader);
  if (scenario.seeds.empty()) reader.fail("seeds", "is empty", "at least one seed");
  scenario.repetitions = static_cast<int>(reader.integer("repetitions", {1, 1000}, 1));
  scenario.goals = reader.numbers("goals", {1, 1000}, std::vector<double>{});
  scenario.tuning_prompts = static_cast<int>(reader.integer("tuning_prompts", {1, 1000}, 2));
  read_metrics(reader, path, scenario);
  for (JsonReader& row : reader.objects("rows"))
    scenario.rows.push_back(read_row(row, path.has_parent_path() ? path.parent_path() : "."));
  if (scenario.rows.empty()) reader.fail("rows", "is empty", "at least one row");
  refuse_equal_names(reader, scenario);
  reader.refuse_unknown_keys();
  return scenario;
}

}  // namespace ditto
