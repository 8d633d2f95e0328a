#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ditto {

/// Decisions of one site and branch, a letter per step (Trace::pattern).
struct PatternRow {
  std::string branch;
  std::string site;
  std::string pattern;
};

/// Meaning of the letters, for below a table.
inline constexpr const char* kPatternLegend =
    "C computed, R reused, F forecast, . jumped over, - inside another, ? decided while running";

/// Whether a name sorts before another when its digits count as numbers: blocks.2 before blocks.10.
bool precedes(std::string_view name, std::string_view other);

/// A table of patterns for a screen: neighbouring sites with one pattern share a line, and what exceeds `max_lines` is
/// counted.
std::string render_patterns(const std::vector<PatternRow>& rows, std::size_t max_lines = 40);

}  // namespace ditto
