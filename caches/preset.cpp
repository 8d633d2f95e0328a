#include "caches/preset.h"

#include <nlohmann/json.hpp>

#include "io/data_folder.h"
#include "io/json_file.h"

namespace ditto {
namespace {

/// Whether `name` fits a pattern in which `*` stands for any text.
bool matches(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (name.substr(0, star) != pattern.substr(0, star)) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t from = star; from <= name.size(); ++from) {
    if (matches(rest, name.substr(from))) return true;
  }
  return false;
}

}  // namespace

std::string preset_source(const std::string& method) { return (data_folder("presets") / (method + ".json")).string(); }

std::optional<nlohmann::json> find_preset(const std::string& method, const ModelIdentity& model) {
  const std::string source = preset_source(method);
  const nlohmann::json document = read_json_file(source);
  JsonReader reader(document, source);
  for (const nlohmann::json& entry : reader.value("models")) {
    for (const std::string& pattern : JsonReader(entry, source).texts("names")) {
      if (matches(pattern, model.name)) return entry;
    }
  }
  return std::nullopt;
}

}  // namespace ditto
