#include "core/profile.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/printable.h"
#include "core/read_branches.h"
#include "io/atomic_file.h"
#include "io/json_file.h"
#include "io/safetensors.h"
#include "io/sha256.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

fs::path with_extension(const fs::path& name, const char* extension) {
  fs::path file = name;
  if (file.extension() == ".json") file.replace_extension();
  file += extension;
  return file;
}

RunInfo read_run(JsonReader reader) {
  RunInfo run;
  run.solver = reader.text("solver");
  run.shift = reader.number("shift");
  run.guidance = reader.number("guidance");
  run.steps = static_cast<int>(reader.integer("steps", {1, 100'000}));
  run.width = static_cast<int>(reader.integer("width", {1, 1 << 20}));
  run.height = static_cast<int>(reader.integer("height", {1, 1 << 20}));
  run.frames = static_cast<int>(reader.integer("frames", {1, 1 << 20}));
  run.branches = read_branches(reader);
  if (run.branches.empty()) reader.fail("branches", "names none", "conditional, unconditional");
  reader.refuse_unknown_keys();
  return run;
}

bool near(double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b)); }

/// The arrays are read lazily, but a pair of files from two runs must not pass for one profile.
void check_arrays(const std::string& expected, const fs::path& json, const fs::path& arrays) {
  if (sha256_file(arrays) == expected) return;
  throw Error(ExitCode::kBadInputFile,
              fmt::format("{}: was not written together with {}; accepted: both files of one profile",
                          printable(arrays.string()), printable(json.string())));
}

std::string size_text(const RunInfo& run) { return fmt::format("{}x{}x{}", run.width, run.height, run.frames); }

}  // namespace

Profile Profile::read(const fs::path& name) {
  Profile profile;
  profile.path = with_extension(name, ".json");
  const nlohmann::json document = read_json_file(profile.path);
  JsonReader reader(document, profile.path.string());
  const std::vector<std::string> schemas = {std::string(kSchema)};
  reader.choice("schema", schemas);
  JsonReader model = reader.object("model");
  profile.model = {model.text("name"), model.text("weight_hash")};
  profile.units = static_cast<int>(reader.integer("units", {1, 1'000'000}));
  profile.run = read_run(reader.object("run"));
  profile.sigmas = reader.numbers("sigmas", {0, 1e6});
  if (static_cast<int>(profile.sigmas.size()) != profile.run.steps + 1) {
    reader.fail("sigmas", fmt::format("{} values for {} steps", profile.sigmas.size(), profile.run.steps),
                "one more than steps");
  }
  if (!std::ranges::is_sorted(profile.sigmas, std::greater{}) || profile.sigmas.back() != 0) {
    reader.fail("sigmas", "do not fall to 0", "noise levels, the largest first and 0 last");
  }
  profile.version = reader.text("version");
  profile.dtype = reader.text("dtype", "");
  profile.prompts = static_cast<int>(reader.integer("prompts", {1, 1'000'000}));
  const std::string arrays_sha256 = reader.text("arrays_sha256", "");
  reader.refuse_unknown_keys();
  const SafetensorsFile file(with_extension(name, ".safetensors"));
  if (!arrays_sha256.empty()) check_arrays(arrays_sha256, profile.path, file.path());
  for (const std::string& array : file.names()) profile.arrays[array] = file.tensor(array);
  return profile;
}

void Profile::write(const fs::path& name) const {
  const auto [json_file, arrays_file] = files(name);
  save_safetensors(arrays_file, {arrays.begin(), arrays.end()});
  nlohmann::ordered_json branches = nlohmann::ordered_json::array();
  for (const Branch branch : run.branches) branches.push_back(branch_name(branch));
  const nlohmann::ordered_json document = {{"schema", kSchema},
                                           {"version", version},
                                           {"dtype", dtype},
                                           {"model", {{"name", model.name}, {"weight_hash", model.weight_hash}}},
                                           {"units", units},
                                           {"run",
                                            {{"solver", run.solver},
                                             {"shift", run.shift},
                                             {"guidance", run.guidance},
                                             {"steps", run.steps},
                                             {"width", run.width},
                                             {"height", run.height},
                                             {"frames", run.frames},
                                             {"branches", branches}}},
                                           {"sigmas", sigmas},
                                           {"prompts", prompts},
                                           {"arrays_sha256", sha256_file(arrays_file)}};
  write_text_file(json_file, document.dump(2) + "\n");
}

std::array<fs::path, 2> Profile::files(const fs::path& name) {
  return {with_extension(name, ".json"), with_extension(name, ".safetensors")};
}

const at::Tensor& Profile::array(std::string_view name) const {
  const auto it = arrays.find(std::string(name));
  if (it != arrays.end()) return it->second;
  throw Error(ExitCode::kBadInputFile,
              fmt::format("{}: holds no '{}'; accepted: a profile that measured it", path.string(), name));
}

void Profile::require_fits(const Topology& topology, const RunInfo& wanted) const {
  require_made_for(topology.identity, wanted, "this run");
}

void Profile::require_same(const Profile& other) const {
  require_made_for(other.model, other.run, printable(other.path.string()));
}

void Profile::require_made_for(const ModelIdentity& wanted_model, const RunInfo& wanted,
                               const std::string& whose) const {
  const auto refuse = [&](const std::string& what, const std::string& mine, const std::string& theirs) {
    throw Error(ExitCode::kBadInputFile,
                fmt::format("{}: made for {} {}; {} has {}; accepted: a profile of the same model and settings",
                            printable(path.string()), what, mine, whose, theirs));
  };
  if (model.weight_hash != wanted_model.weight_hash) {
    refuse("model", fmt::format("'{}' (weights {})", model.name, model.weight_hash.substr(0, 12)),
           fmt::format("'{}' (weights {})", wanted_model.name, wanted_model.weight_hash.substr(0, 12)));
  }
  if (run.solver != wanted.solver) refuse("solver", run.solver, wanted.solver);
  if (run.steps != wanted.steps) refuse("steps", fmt::format("{}", run.steps), fmt::format("{}", wanted.steps));
  if (!near(run.shift, wanted.shift)) refuse("shift", fmt::format("{}", run.shift), fmt::format("{}", wanted.shift));
  if (!near(run.guidance, wanted.guidance)) {
    refuse("guidance", fmt::format("{}", run.guidance), fmt::format("{}", wanted.guidance));
  }
  if (size_text(run) != size_text(wanted)) refuse("resolution", size_text(run), size_text(wanted));
}

}  // namespace ditto
