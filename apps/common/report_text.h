#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace ditto {

/// A JSON object as aligned lines for people: one key a line, nested objects indented, control characters escaped.
std::string render_report(const nlohmann::ordered_json& object);

}  // namespace ditto
