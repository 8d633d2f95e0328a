#include "apps/dit_gen/run_metadata.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/common/policy_files.h"
#include "io/json_file.h"
#include "io/sha256.h"

namespace ditto {
namespace {

std::string portable_option(const std::string& key, const std::string& value) {
  const std::vector<std::filesystem::path> files = files_of_option(key, value);
  if (files.empty()) return key + "=" + value;
  if (files.size() == 1) return "sha256=" + sha256_file(files.front());
  std::string digests;
  for (const std::filesystem::path& file : files) digests += sha256_file(file);
  return key + "_sha256=" + sha256(digests);
}

std::string portable_name(const PolicySpec& policy) {
  std::vector<std::string> items;
  for (const auto& [key, value] : policy.options.values()) items.push_back(portable_option(key, value));
  return items.empty() ? policy.entry->name : fmt::format("{}:{}", policy.entry->name, fmt::join(items, ","));
}

std::map<std::string, std::map<std::string, std::string>> read_decisions(JsonReader reader) {
  std::map<std::string, std::map<std::string, std::string>> decisions;
  for (const char* branch : {"conditional", "unconditional"}) {
    if (!reader.has(branch)) continue;
    for (const auto& [site, pattern] : reader.value(branch).items()) {
      if (pattern.is_string()) decisions[branch][site] = pattern.get<std::string>();
    }
  }
  return decisions;
}

constexpr int kMaxSide = 1 << 20;

}  // namespace

nlohmann::ordered_json RunMetadata::to_json() const {
  nlohmann::ordered_json json = {
      {"ditto", version},     {"prompt", prompt},
      {"negative", negative}, {"seed", seed},
      {"width", width},       {"height", height},
      {"frames", frames},     {"fps", fps},
      {"steps", steps},       {"guidance", guidance},
      {"shift", shift},       {"solver", solver},
      {"dtype", dtype},       {"device", device},
      {"kernels", kernels},   {"prompt_clean", prompt_clean},
      {"threads", threads},   {"model", {{"name", model.name}, {"weight_hash", model.weight_hash}}},
      {"cache", cache}};
  if (cache_bytes) json["cache_bytes"] = *cache_bytes;
  if (noise_sha256) json["noise_sha256"] = *noise_sha256;
  json["units"] = {{"computed", units_computed}, {"total", units_total}};
  json["decisions"] = decisions;
  json["frame_hash"] = frame_hash;
  if (trace) json["trace"] = *trace;
  return json;
}

RunMetadata RunMetadata::parse(const std::string& text, const std::string& source) {
  const nlohmann::json json = parse_json(text, source);
  JsonReader reader(json, source);
  RunMetadata metadata;
  metadata.version = reader.text("ditto");
  metadata.prompt = reader.text("prompt");
  metadata.negative = reader.text("negative");
  metadata.seed = reader.unsigned_integer("seed");
  metadata.width = static_cast<int>(reader.integer("width", {1, kMaxSide}));
  metadata.height = static_cast<int>(reader.integer("height", {1, kMaxSide}));
  metadata.frames = static_cast<int>(reader.integer("frames", {1, kMaxSide}));
  metadata.fps = static_cast<int>(reader.integer("fps", {1, 1000}));
  metadata.steps = static_cast<int>(reader.integer("steps", {1, 100'000}));
  metadata.guidance = reader.number("guidance");
  metadata.shift = reader.number("shift");
  metadata.solver = reader.text("solver");
  metadata.dtype = reader.text("dtype");
  metadata.device = reader.text("device");
  metadata.kernels = reader.text("kernels");
  metadata.prompt_clean = reader.text("prompt_clean", std::string(to_string(PromptCleaning::kFtfyLite)));
  metadata.threads = static_cast<int>(reader.integer("threads", {1, 4096}));
  JsonReader model = reader.object("model");
  metadata.model = {model.text("name"), model.text("weight_hash")};
  metadata.cache = reader.texts("cache");
  if (reader.has("cache_bytes")) metadata.cache_bytes = reader.integer("cache_bytes", {0});
  if (reader.has("noise_sha256")) metadata.noise_sha256 = reader.text("noise_sha256");
  JsonReader units = reader.object("units");
  metadata.units_computed = units.integer("computed", {0});
  metadata.units_total = units.integer("total", {0});
  metadata.decisions = read_decisions(reader.object("decisions"));
  metadata.frame_hash = reader.text("frame_hash");
  if (reader.has("trace")) metadata.trace = reader.text("trace");
  return metadata;
}

RunMetadata describe_run(const RunRecord& record) {
  const auto& [session, request, result, policies, fps, cache_bytes, given_noise] = record;
  RunMetadata metadata;
  metadata.version = DITTO_VERSION;
  metadata.prompt = request.prompt;
  metadata.negative = request.negative;
  metadata.seed = request.seed;
  metadata.width = request.width;
  metadata.height = request.height;
  metadata.frames = request.frames;
  metadata.fps = fps;
  metadata.steps = request.steps;
  metadata.guidance = request.guidance;
  metadata.shift = request.shift;
  metadata.solver = request.solver;
  metadata.dtype = dtype_name(session.load.dtype);
  metadata.device = session.load.device.is_cuda() ? "cuda" : "cpu";
  metadata.kernels = kernels_name(session.load.kernels);
  metadata.prompt_clean = to_string(session.load.prompt_cleaning);
  metadata.threads = session.threads;
  metadata.model = session.model->denoiser().topology().identity;
  metadata.cache = portable_names(policies);
  metadata.cache_bytes = cache_bytes;
  if (given_noise) metadata.noise_sha256 = tensor_hash(result.noise);
  if (!files_read_by(policies).empty()) metadata.trace = result.trace.to_json_lines();
  for (const Branch branch : request.branches) {
    for (const Site& site : result.trace.run.sites) {
      metadata.decisions[std::string(branch_name(branch))][site.name] = result.trace.pattern(site.name, branch);
    }
  }
  metadata.units_computed = result.counts.units_computed;
  metadata.units_total = result.units_total;
  if (result.trace.result) metadata.frame_hash = result.trace.result->frame_hash;
  return metadata;
}

std::vector<std::string> portable_names(const std::vector<PolicySpec>& policies) {
  std::vector<std::string> names;
  for (const PolicySpec& policy : policies) names.push_back(portable_name(policy));
  return names;
}

std::string joined_names(const std::vector<PolicySpec>& policies) {
  std::vector<std::string> names;
  for (const PolicySpec& policy : policies) names.push_back(policy.resolved());
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, " + "));
}

std::string tensor_hash(const at::Tensor& tensor) {
  const at::Tensor bytes = tensor.cpu().contiguous();
  return sha256({static_cast<const char*>(bytes.const_data_ptr()), bytes.nbytes()});
}

}  // namespace ditto
