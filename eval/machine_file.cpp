#include "eval/machine_file.h"

#include <nlohmann/json.hpp>

#include "io/json_file.h"

namespace ditto {

nlohmann::ordered_json read_machine(const std::filesystem::path& path) {
  const nlohmann::json document = read_json_file(path);
  JsonReader reader(document, path.string());
  for (const char* key : {"processor", "vector_instructions", "blas", "onednn", "libtorch", "ditto", "commit", "device",
                          "dtype", "presets", "scenario", "clips", "clips_folder", "through_codec"}) {
    if (reader.has(key)) reader.text(key);
  }
  if (reader.has("threads")) reader.integer("threads", {1, 1 << 20});
  for (const char* key : {"model", "request"}) {
    if (!reader.has(key)) continue;
    JsonReader object = reader.object(key);
    for (const auto& [name, value] : document[key].items()) object.text(name);
  }
  nlohmann::ordered_json machine;
  for (const auto& [key, value] : document.items()) {
    if (!value.is_null()) machine[key] = value;
  }
  return machine;
}

}  // namespace ditto
