#include "core/trace.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/printable.h"
#include "core/read_branches.h"
#include "io/atomic_file.h"
#include "io/input_file.h"
#include "io/json_file.h"

namespace ditto {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr int kMostSteps = 1000;  // of a run
constexpr std::uint64_t kMaxTraceBytes = std::uint64_t{256} << 20;

/// The double whose shortest decimal is that of the float: 0.1F is written 0.1, and reads back to the same float.
double shortest(float value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double result = 0;
  std::from_chars(text, end, result);
  return result;
}

OrderedJson to_json(const Site& site) {
  OrderedJson json = {{"name", site.name}};
  if (site.scope == Scope::kPrediction) {
    json["scope"] = "prediction";
  } else {
    json["scope"] = "units";
    json["begin"] = site.begin;
    json["end"] = site.end;
  }
  json["form"] = form_name(site.form);
  json["keep"] = site.keep;
  if (site.split != Split::kNone) json["split"] = split_name(site.split);
  if (!site.cluster_of_channel.empty()) json["cluster_of_channel"] = site.cluster_of_channel;
  return json;
}

OrderedJson to_json(const TraceRun& run) {
  OrderedJson json = {{"version", run.version},
                      {"model", {{"name", run.model.name}, {"weight_hash", run.model.weight_hash}}},
                      {"policies", run.policies},
                      {"sites", OrderedJson::array()},
                      {"seed", run.seed},
                      {"solver", run.solver},
                      {"shift", run.shift},
                      {"guidance", run.guidance},
                      {"width", run.width},
                      {"height", run.height},
                      {"frames", run.frames},
                      {"steps", run.steps},
                      {"sigmas", run.grid.sigmas},
                      {"jumped", OrderedJson::array()},
                      {"branches", OrderedJson::array()},
                      {"units", run.units}};
  for (const Site& site : run.sites) json["sites"].push_back(to_json(site));
  for (int node = 0; node < run.steps; ++node) {
    if (!std::ranges::binary_search(run.grid.nodes, node)) json["jumped"].push_back(node);
  }
  for (const Branch branch : run.branches) json["branches"].push_back(branch_name(branch));
  return json;
}

/// JSON knows no infinity or NaN; such a score is written as text.
OrderedJson score_to_json(double score) {
  if (std::isfinite(score)) return score;
  if (std::isnan(score)) return "nan";
  return score > 0 ? "inf" : "-inf";
}

OrderedJson to_json(const TraceEvent& event) {
  OrderedJson json = {{"step", event.step},
                      {"branch", branch_name(event.branch)},
                      {"site", event.site},
                      {"action", event.action == Action::kBlend ? "blend" : "recompute"},
                      {"reason", event.reason}};
  if (event.score) json["score"] = score_to_json(*event.score);
  json["age"] = event.age;
  if (event.action == Action::kBlend) {
    json["weights"] = OrderedJson::array();
    for (const float weight : event.weights) json["weights"].push_back(shortest(weight));
  }
  return json;
}

Site read_site(JsonReader reader) {
  Site site;
  site.name = reader.text("name");
  const std::vector<std::string> scopes = {"units", "prediction"};
  site.scope = reader.choice("scope", scopes) == "units" ? Scope::kUnits : Scope::kPrediction;
  if (site.scope == Scope::kUnits) {
    site.begin = static_cast<int>(reader.integer("begin", {0, 1'000'000}));
    site.end = static_cast<int>(reader.integer("end", {0, 1'000'000}));
  }
  const std::vector<std::string> forms = {"output", "delta", "state", "branch_delta"};
  site.form = form_from_name(reader.choice("form", forms));
  site.keep = static_cast<int>(reader.integer("keep", {1, 1000}));
  const std::vector<std::string> splits = {std::string(split_name(Split::kNone)),
                                           std::string(split_name(Split::kFrequencyBands))};
  if (reader.has("split") && reader.choice("split", splits) != splits.front()) site.split = Split::kFrequencyBands;
  const std::vector<std::int64_t> clusters =
      reader.integers("cluster_of_channel", {0, 1'000'000}, std::vector<std::int64_t>{});
  site.cluster_of_channel.assign(clusters.begin(), clusters.end());
  reader.refuse_unknown_keys();
  return site;
}

StepGrid read_grid(JsonReader& reader, int steps) {
  StepGrid grid;
  const std::vector<std::int64_t> jumped = reader.integers("jumped", {0, steps - 1}, std::vector<std::int64_t>{});
  const std::set<std::int64_t> absent(jumped.begin(), jumped.end());
  for (int node = 0; node < steps; ++node) {
    if (!absent.contains(node)) grid.nodes.push_back(node);
  }
  grid.sigmas = reader.numbers("sigmas", {0, 1e6}, std::vector<double>{});
  if (!grid.sigmas.empty() && grid.sigmas.size() != grid.nodes.size() + 1) {
    reader.fail("sigmas", fmt::format("{} values for {} visited steps", grid.sigmas.size(), grid.nodes.size()),
                "one more than visited steps");
  }
  return grid;
}

TraceRun read_run(JsonReader reader) {
  TraceRun run;
  run.version = reader.text("version", "");
  if (reader.has("model")) {
    JsonReader model = reader.object("model");
    run.model = {model.text("name", ""), model.text("weight_hash", "")};
    model.refuse_unknown_keys();
  }
  run.policies = reader.texts("policies", std::vector<std::string>{});
  for (JsonReader& site : reader.objects("sites")) run.sites.push_back(read_site(site));
  run.seed = reader.unsigned_integer("seed", 0);
  run.solver = reader.text("solver", "");
  run.shift = reader.number("shift", {}, 0.0);
  run.guidance = reader.number("guidance", {}, 0.0);
  run.width = static_cast<int>(reader.integer("width", {0, 1 << 20}, 0));
  run.height = static_cast<int>(reader.integer("height", {0, 1 << 20}, 0));
  run.frames = static_cast<int>(reader.integer("frames", {0, 1 << 20}, 0));
  run.steps = static_cast<int>(reader.integer("steps", {1, kMostSteps}));
  run.grid = read_grid(reader, run.steps);
  run.branches = read_branches(reader);
  run.units = static_cast<int>(reader.integer("units", {0, 1'000'000}, 0));
  reader.refuse_unknown_keys();
  return run;
}

/// The inverse of score_to_json.
std::optional<double> read_score(JsonReader& reader) {
  if (!reader.has("score")) return {};
  const nlohmann::json& score = reader.value("score");
  if (score.is_number()) return score.get<double>();
  const std::string text = score.is_string() ? score.get<std::string>() : "";
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  reader.fail("score", "is no score", "a number, \"nan\", \"inf\" or \"-inf\"");
}

TraceEvent read_event(JsonReader& reader, const TraceRun& run) {
  TraceEvent event;
  event.step = static_cast<int>(reader.integer("step", {0, run.steps - 1}));
  event.branch = branch_from_name(reader.choice("branch", branch_names()));
  event.site = reader.text("site");
  if (std::ranges::find(run.sites, event.site, &Site::name) == run.sites.end()) {
    reader.fail("site", fmt::format("'{}' is not declared in the first line", printable(event.site)),
                "a name from its \"sites\"");
  }
  const std::vector<std::string> actions = {"recompute", "blend"};
  event.action = reader.choice("action", actions) == "blend" ? Action::kBlend : Action::kRecompute;
  event.reason = reader.text("reason", "");
  event.score = read_score(reader);
  event.age = static_cast<int>(reader.integer("age", {-1, 100'000}, -1));
  constexpr double kLargestWeight = std::numeric_limits<float>::max();
  for (const double weight : reader.numbers("weights", {-kLargestWeight, kLargestWeight}, std::vector<double>{})) {
    event.weights.push_back(static_cast<float>(weight));
  }
  if (event.action == Action::kBlend && event.weights.empty()) event.weights = {1.0F};
  reader.refuse_unknown_keys();
  return event;
}

TraceResult read_result(JsonReader reader) {
  TraceResult result = {reader.text("frame_hash", ""), reader.integer("computed", {0}, 0),
                        reader.integer("total", {0}, 0)};
  reader.refuse_unknown_keys();
  return result;
}

/// One line after the first: a decision or the result, which comes last.
void read_line(JsonReader& reader, Trace& trace) {
  if (trace.result) reader.fail("result", "a line follows the result", "the result as the last line");
  if (reader.has("result")) {
    trace.result = read_result(reader.object("result"));
    reader.refuse_unknown_keys();
  } else {
    trace.events.push_back(read_event(reader, trace.run));
  }
}

char letter(const TraceEvent& event) {
  if (event.action == Action::kRecompute) return 'C';
  return event.weights.size() == 1 && event.weights.front() == 1.0F ? 'R' : 'F';
}

}  // namespace

std::string Trace::pattern(std::string_view site, Branch branch) const {
  std::string letters(static_cast<std::size_t>(run.steps), '.');
  for (const int node : run.grid.nodes) letters.at(static_cast<std::size_t>(node)) = '-';
  for (const TraceEvent& event : events) {
    if (event.site == site && event.branch == branch) letters.at(static_cast<std::size_t>(event.step)) = letter(event);
  }
  return letters;
}

std::string Trace::to_json_lines() const {
  std::string lines = OrderedJson{{"run", to_json(run)}}.dump() + "\n";
  for (const TraceEvent& event : events) lines += to_json(event).dump() + "\n";
  if (result) {
    const OrderedJson json = {
        {"frame_hash", result->frame_hash}, {"computed", result->computed}, {"total", result->total}};
    lines += OrderedJson{{"result", json}}.dump() + "\n";
  }
  return lines;
}

void Trace::write(const std::filesystem::path& path) const { write_text_file(path, to_json_lines()); }

Trace Trace::read(const std::filesystem::path& path) {
  return parse(read_text_file(path, kMaxTraceBytes), path.string());
}

Trace Trace::parse(const std::string& text, const std::string& source_name) {
  std::istringstream file(text);
  Trace trace;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string source = fmt::format("{}:{}", source_name, number);
    const nlohmann::json json = parse_json(line, source);
    JsonReader reader(json, source);
    if (trace.run.steps == 0) {
      trace.run = read_run(reader.object("run"));
      reader.refuse_unknown_keys();
    } else {
      read_line(reader, trace);
    }
  }
  if (trace.run.steps == 0) {
    throw Error(ExitCode::kBadInputFile, source_name + ": empty; accepted: a first line {\"run\": {...}}");
  }
  return trace;
}

}  // namespace ditto
