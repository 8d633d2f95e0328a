#include "models/registry.h"

#include <array>
#include <fstream>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/printable.h"
#include "io/data_folder.h"
#include "io/file_format.h"
#include "io/json_file.h"
#include "models/wan/wan_model.h"

namespace ditto {
namespace {

namespace fs = std::filesystem;

/// Every family Ditto runs: the pipeline class in model_index.json and what loads such a folder.
struct Family {
  const char* pipeline_class;
  std::shared_ptr<const VideoModel> (*load)(const fs::path& folder, const LoadOptions& options);
};
constexpr std::array<Family, 1> kFamilies{{{"WanPipeline", WanModel::load}}};

constexpr const char* kShippedModel = "wan-mini";

std::string accepted() {
  return fmt::format("accepted: a diffusers folder whose model_index.json names {}", fmt::join(model_families(), ", "));
}

[[noreturn]] void refuse(const fs::path& path, const std::string& problem) {
  throw Error(ExitCode::kBadInputFile, fmt::format("{}: {}; {}", printable(path.native(), 4096), problem, accepted()));
}

/// What a regular file given in place of a folder looks like.
std::string describe_file(const fs::path& path) {
  std::string start(16, '\0');
  std::ifstream(path, std::ios::binary).read(start.data(), static_cast<std::streamsize>(start.size()));
  const std::string_view format = recognise_format(start);
  return format.empty() ? "a file" : std::string(format);
}

void require_folder(const fs::path& path) {
  std::error_code problem;
  const fs::file_status status = fs::status(path, problem);
  if (status.type() == fs::file_type::not_found) refuse(path, "does not exist");
  if (problem) refuse(path, "cannot be read: " + problem.message());
  if (status.type() == fs::file_type::regular) refuse(path, fmt::format("is {}, no model folder", describe_file(path)));
  if (status.type() != fs::file_type::directory) refuse(path, "is no folder");
  if (fs::exists(path / "model_index.json", problem)) return;
  if (problem) refuse(path, "cannot be read: " + problem.message());
  refuse(path, fs::exists(path / "config.json", problem) ? "is one component, not a whole model: no model_index.json"
                                                         : "has no model_index.json");
}

}  // namespace

std::shared_ptr<const VideoModel> load_model(const fs::path& folder, const LoadOptions& options) {
  require_folder(folder);
  const fs::path index = folder / "model_index.json";
  const nlohmann::json document = read_json_file(index);
  const std::string name = JsonReader(document, index.string()).text("_class_name");
  for (const Family& family : kFamilies) {
    if (name == family.pipeline_class) return family.load(folder, options);
  }
  refuse(folder, fmt::format("is a {} model, which Ditto does not run", printable(name)));
}

std::vector<std::string> model_families() {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) names.emplace_back(family.pipeline_class);
  return names;
}

fs::path shipped_model() { return data_folder("models") / kShippedModel; }

}  // namespace ditto
