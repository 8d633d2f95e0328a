#include "apps/common/report_text.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/printable.h"

namespace ditto {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxValueBytes = 400;

std::string scalar(const Json& value) {
  return printable(value.is_string() ? value.get<std::string>() : value.dump(), kMaxValueBytes);
}

std::string list(const Json& values) {
  std::string text;
  for (const Json& value : values) text += (text.empty() ? "" : ", ") + scalar(value);
  return text.empty() ? "none" : text;
}

void append(const Json& object, std::size_t indent, std::string& text) {
  std::size_t width = 0;
  for (const auto& [key, value] : object.items()) width = std::max(width, printable(key).size());
  for (const auto& [key, value] : object.items()) {
    const std::string label = fmt::format("{:{}}{:<{}}", "", indent, printable(key), width);
    if (value.is_object() && !value.empty()) {
      text += label.substr(0, label.find_last_not_of(' ') + 1) + "\n";
      append(value, indent + 2, text);
    } else {
      text += fmt::format("{}  {}\n", label, value.is_array() ? list(value) : scalar(value));
    }
  }
}

}  // namespace

std::string render_report(const Json& object) {
  std::string text;
  append(object, 0, text);
  return text;
}

}  // namespace ditto
