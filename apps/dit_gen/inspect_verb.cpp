#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/report_text.h"
#include "apps/dit_gen/pattern_table.h"
#include "apps/dit_gen/run_metadata.h"
#include "apps/dit_gen/verbs.h"
#include "core/printable.h"
#include "core/profile.h"
#include "io/file_format.h"
#include "io/json_file.h"
#include "io/manifest.h"
#include "io/safetensors.h"
#include "io/video.h"
#include "io/weights.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::size_t kListedTensors = 24;
constexpr std::string_view kAccepted =
    "accepted: an mp4, a model folder, a safetensors file, a profile, a trace or a schedule (JSON Lines)";

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
  throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}; {}", printable(path.string()), what, kAccepted));
}

/// What is shown: an object, and a table of decisions below it.
struct Report {
  Json facts;
  std::vector<PatternRow> patterns;
};

/// Whether a video's comment is the metadata of a run: other programs keep JSON there too.
bool is_run_metadata(const std::string& comment) {
  if (!comment.starts_with('{')) return false;
  try {
    const nlohmann::json json = parse_json(comment, "comment");
    return json.is_object() && json.contains("ditto");
  } catch (const Error&) {
    return false;
  }
}

Report inspect_video(const fs::path& path) {
  const VideoInfo info = read_video_info(path);
  Report report{{{"file", path.string()},
                 {"kind", "video"},
                 {"codec", info.codec},
                 {"width", info.width},
                 {"height", info.height},
                 {"frames", info.frame_count},
                 {"fps", info.fps}},
                {}};
  if (!info.title.empty()) report.facts["title"] = info.title;
  if (!is_run_metadata(info.metadata_json)) {
    report.facts["run"] = info.metadata_json.empty() ? "not recorded" : "not by dit-gen: " + info.metadata_json;
    return report;
  }
  const RunMetadata metadata = RunMetadata::parse(info.metadata_json, printable(path.string()) + ": comment");
  report.facts["run"] = metadata.to_json();
  report.facts["run"].erase("trace");
  report.facts["run"].erase("decisions");
  for (const auto& [branch, sites] : metadata.decisions) {
    for (const auto& [site, pattern] : sites) report.patterns.push_back({branch, site, pattern});
  }
  std::ranges::stable_sort(report.patterns, [](const PatternRow& a, const PatternRow& b) {
    return a.branch != b.branch ? a.branch < b.branch : precedes(a.site, b.site);
  });
  return report;
}

Json describe_tensors(const std::vector<const TensorInfo*>& tensors) {
  std::map<std::string, std::int64_t> by_dtype;
  std::int64_t values = 0, bytes = 0;
  for (const TensorInfo* tensor : tensors) {
    ++by_dtype[c10::toString(tensor->dtype)];
    std::int64_t count = 1;
    for (const std::int64_t size : tensor->shape) count *= size;
    values += count;
    bytes += static_cast<std::int64_t>(tensor->end - tensor->begin);
  }
  return {{"tensors", tensors.size()}, {"values", values}, {"bytes", bytes}, {"dtypes", by_dtype}};
}

Report inspect_safetensors(const fs::path& path) {
  const SafetensorsFile file(path);
  Report report{{{"file", path.string()}, {"kind", "safetensors"}}, {}};
  std::vector<const TensorInfo*> tensors;
  for (const TensorInfo& tensor : file.tensors()) tensors.push_back(&tensor);
  report.facts.update(describe_tensors(tensors));
  if (!file.metadata().empty()) report.facts["metadata"] = file.metadata();
  Json& list = report.facts["list"] = Json::object();
  for (const TensorInfo* tensor : tensors) {
    if (list.size() == kListedTensors) {
      report.facts["not_listed"] = tensors.size() - kListedTensors;
      break;
    }
    list[printable(tensor->name)] = fmt::format("{} [{}]", c10::toString(tensor->dtype), fmt::join(tensor->shape, ","));
  }
  return report;
}

/// The numbers and words of a component's configuration; lists and nested objects are left to the file itself.
Json describe_config(const fs::path& file) {
  Json facts = Json::object();
  if (!fs::is_regular_file(file)) return facts;
  const nlohmann::json config = read_json_file(file);
  for (const char* key :
       {"num_layers", "num_attention_heads", "attention_head_dim", "d_model", "ffn_dim", "in_channels", "text_dim",
        "patch_size", "z_dim", "base_dim", "vocab_size", "flow_shift", "use_flow_sigmas"}) {
    if (config.is_object() && config.contains(key) && !config[key].is_null()) facts[key] = config[key];
  }
  return facts;
}

Json describe_component(const fs::path& folder) {
  Json facts = describe_config(folder / "config.json");
  facts.update(describe_config(folder / "scheduler_config.json"));
  std::error_code ignored;
  const bool has_weights = std::ranges::any_of(fs::directory_iterator(folder, ignored), [](const auto& entry) {
    return entry.path().string().find(".safetensors") != std::string::npos;
  });
  if (!has_weights) return facts;
  const WeightSet weights(folder);
  std::vector<const TensorInfo*> tensors;
  for (const std::string& name : weights.names()) tensors.push_back(weights.find(name));
  facts.update(describe_tensors(tensors));
  return facts;
}

Report inspect_model(const fs::path& folder) {
  const fs::path index = folder / "model_index.json";
  if (!fs::exists(index)) refuse(folder, "is a folder without model_index.json");
  const nlohmann::json document = read_json_file(index);
  JsonReader reader(document, index.string());
  Report report{{{"file", folder.string()},
                 {"kind", "model folder"},
                 {"pipeline", reader.text("_class_name")},
                 {"weight_hash", weight_hash(folder)}},
                {}};
  verify_manifest(folder);
  report.facts["manifest"] = fs::exists(folder / "manifest.json") ? "verified" : "none";
  Json& components = report.facts["components"] = Json::object();
  for (const auto& [name, value] : document.items()) {
    const bool is_component = value.is_array() && value.size() == 2 && value[1].is_string();
    if (!is_component) continue;
    Json facts = {{"class", value[1]}};
    // The name comes from the file: it must not lead out of the folder.
    if (name.find('/') == std::string::npos && name != ".." && fs::is_directory(folder / name)) {
      facts.update(describe_component(folder / name));
    }
    components[name] = facts;
  }
  return report;
}

Report inspect_trace(const fs::path& path) {
  const Trace trace = Trace::read(path);
  const TraceRun& run = trace.run;
  Report report{{{"file", path.string()},
                 {"kind", trace.result ? "trace" : "schedule"},
                 {"version", run.version},
                 {"model", {{"name", run.model.name}, {"weight_hash", run.model.weight_hash}}},
                 {"policies", run.policies},
                 {"seed", run.seed},
                 {"solver", run.solver},
                 {"shift", run.shift},
                 {"guidance", run.guidance},
                 {"width", run.width},
                 {"height", run.height},
                 {"frames", run.frames},
                 {"steps", run.steps},
                 {"visited_steps", run.grid.size()},
                 {"sites", run.sites.size()},
                 {"decisions", trace.events.size()}},
                {}};
  if (trace.result) {
    report.facts["units"] = {{"computed", trace.result->computed}, {"total", trace.result->total}};
    report.facts["frame_hash"] = trace.result->frame_hash;
  }
  for (const Branch branch : run.branches) {
    for (const Site& site : run.sites) {
      report.patterns.push_back({std::string(branch_name(branch)), site.name, trace.pattern(site.name, branch)});
    }
  }
  return report;
}

Report inspect_profile(const fs::path& path) {
  const Profile profile = Profile::read(path);
  Report report{{{"file", path.string()},
                 {"kind", "profile"},
                 {"version", profile.version},
                 {"model", {{"name", profile.model.name}, {"weight_hash", profile.model.weight_hash}}},
                 {"dtype", profile.dtype},
                 {"prompts", profile.prompts},
                 {"solver", profile.run.solver},
                 {"shift", profile.run.shift},
                 {"guidance", profile.run.guidance},
                 {"width", profile.run.width},
                 {"height", profile.run.height},
                 {"frames", profile.run.frames},
                 {"steps", profile.run.steps}},
                {}};
  for (const auto& [name, array] : profile.arrays) {
    report.facts["arrays"][printable(name)] = fmt::format("[{}]", fmt::join(array.sizes(), ","));
  }
  return report;
}

/// The first bytes of a regular file.
std::string file_start(const fs::path& path) {
  std::string start(4096, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse(path, fmt::format("cannot be read: {}", std::strerror(errno)));
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  start.resize(static_cast<std::size_t>(file.gcount()));
  return start;
}

/// Whether the file is one JSON object, as no trace of several lines is, and not a trace's first line.
bool is_other_json(const fs::path& path) {
  try {
    return !read_json_file(path).contains("run");
  } catch (const Error&) {
    return false;
  }
}

Report inspect_file(const fs::path& path) {
  const std::string start = file_start(path);
  if (start.size() >= 8 && start.compare(4, 4, "ftyp") == 0) return inspect_video(path);
  // A header length below 2^56 ends in a zero byte, which no JSON text holds.
  if (start.size() > 8 && start[7] == '\0' && start[8] == '{') return inspect_safetensors(path);
  if (start.starts_with('{') && start.find(Profile::kSchema) != std::string::npos) return inspect_profile(path);
  const std::size_t text = start.find_first_not_of(" \t\r\n");
  if (text != std::string::npos && start[text] == '{') {
    if (is_other_json(path)) refuse(path, "is JSON of no known kind");
    return inspect_trace(path);
  }
  if (path.extension() == ".safetensors") return inspect_safetensors(path);  // refuses it with the reason
  const std::string_view format = recognise_format(start.substr(0, 16));
  refuse(path, start.empty() ? "is empty" : format.empty() ? "is nothing known" : fmt::format("is {}", format));
}

}  // namespace

ExitCode inspect(Program& program, const fs::path& path) {
  std::error_code problem;
  const fs::file_status status = fs::status(path, problem);
  if (status.type() == fs::file_type::not_found) refuse(path, "does not exist");
  if (problem) refuse(path, fmt::format("cannot be read: {}", problem.message()));
  const bool folder = fs::is_directory(status);
  if (!folder && !fs::is_regular_file(status)) refuse(path, "is no regular file");
  Report report = folder ? inspect_model(path) : inspect_file(path);
  std::string text = render_report(report.facts);
  if (!report.patterns.empty()) {
    text += fmt::format("decisions by site and step ({}):\n{}", kPatternLegend, render_patterns(report.patterns));
    for (const PatternRow& row : report.patterns) report.facts["patterns"][row.branch][row.site] = row.pattern;
  }
  text.pop_back();
  program.console.event(report.facts);
  program.console.result(text);
  return ExitCode::kDone;
}

}  // namespace ditto
