#include "models/wan/wan_folder.h"

#include <array>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "io/json_file.h"
#include "solvers/scheduler_config.h"

namespace ditto {
namespace {

struct Component {
  const char* key;
  std::vector<std::string> classes;
};

/// transformers v5 writes T5Tokenizer for the same files.
const std::array<Component, 5> kComponents{{
    {"transformer", {"WanTransformer3DModel"}},
    {"vae", {"AutoencoderKLWan"}},
    {"text_encoder", {"UMT5EncoderModel"}},
    {"tokenizer", {"T5TokenizerFast", "T5Tokenizer"}},
    {"scheduler", {"UniPCMultistepScheduler", "FlowMatchEulerDiscreteScheduler"}},
}};

void check_component(JsonReader& index, const Component& component) {
  const std::vector<std::string> library_and_class = index.texts(component.key);
  const std::string accepted = fmt::format("{}", fmt::join(component.classes, ", "));
  if (library_and_class.size() != 2) {
    index.fail(component.key, fmt::format("has {} entries", library_and_class.size()),
               "[library, class], with class " + accepted);
  }
  for (const std::string& name : component.classes) {
    if (library_and_class.back() == name) return;
  }
  index.fail(component.key, fmt::format("'{}' is not supported", library_and_class.back()), accepted);
}

/// Null, false, and a component of [null, null] are an extension that is not in use.
bool in_use(const nlohmann::json& value) {
  if (value.is_array()) return value != nlohmann::json::array({nullptr, nullptr});
  return !value.is_null() && value != nlohmann::json(false);
}

void read_own_defaults(const std::filesystem::path& file, ModelDefaults& defaults) {
  const nlohmann::json document = read_json_file(file);
  JsonReader root(document, file.string());
  JsonReader own = root.object("defaults");
  const auto whole = [&](const char* key, std::int64_t max, int& value) {
    value = static_cast<int>(own.integer(key, {1, max}, value));
  };
  whole("width", 1 << 16, defaults.width);
  whole("height", 1 << 16, defaults.height);
  whole("frames", 1 << 16, defaults.frames);
  whole("fps", 1000, defaults.fps);
  whole("steps", 1000, defaults.steps);
  defaults.guidance = own.number("guidance", {0.0, std::numeric_limits<double>::max()}, defaults.guidance);
  own.refuse_unknown_keys();
  root.refuse_unknown_keys();
}

}  // namespace

void check_wan_index(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "model_index.json";
  const nlohmann::json document = read_json_file(file);
  JsonReader index(document, file.string());
  for (const Component& component : kComponents) check_component(index, component);
  for (const char* key : {"transformer_2", "boundary_ratio", "expand_timesteps"}) {
    if (document.contains(key) && in_use(document[key])) {
      index.fail(key, "is set: this is a Wan 2.2 model", "null or false (Wan 2.1)");
    }
  }
  for (const char* key : {"image_encoder", "image_processor"}) {
    if (document.contains(key) && in_use(document[key])) {
      index.fail(key, "is set: this is an image-to-video model", "null (text-to-video)");
    }
  }
}

ModelDefaults read_wan_defaults(const std::filesystem::path& folder) {
  ModelDefaults defaults;
  defaults.width = 832;
  defaults.height = 480;
  defaults.frames = 81;
  defaults.guidance = 5.0;
  SchedulerConfig scheduler = read_scheduler_config(folder / "scheduler" / "scheduler_config.json");
  defaults.solver = std::move(scheduler.solver);
  defaults.solver_options = std::move(scheduler.options);
  const std::filesystem::path own = folder / "ditto.json";
  if (std::filesystem::exists(own)) read_own_defaults(own, defaults);
  return defaults;
}

}  // namespace ditto
