#include "apps/dit_gen/pattern_table.h"

#include <algorithm>

#include <fmt/format.h>

namespace ditto {
namespace {

struct Group {
  const PatternRow* first;
  const PatternRow* last;
  int sites = 1;

  std::string label() const {
    return sites == 1 ? first->site : fmt::format("{} .. {} ({} sites)", first->site, last->site, sites);
  }
};

std::vector<Group> grouped(const std::vector<PatternRow>& rows) {
  std::vector<Group> groups;
  for (const PatternRow& row : rows) {
    if (!groups.empty() && groups.back().first->branch == row.branch && groups.back().first->pattern == row.pattern) {
      groups.back().last = &row;
      ++groups.back().sites;
    } else {
      groups.push_back({&row, &row});
    }
  }
  return groups;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The digits a text begins with, without leading zeros.
std::string_view number_at_start(std::string_view text) {
  const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
  const std::string_view digits = text.substr(0, end);
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

}  // namespace

bool precedes(std::string_view name, std::string_view other) {
  while (!name.empty() && !other.empty()) {
    if (is_digit(name.front()) && is_digit(other.front())) {
      const std::string_view number = number_at_start(name), other_number = number_at_start(other);
      if (number.size() != other_number.size()) return number.size() < other_number.size();
      if (number != other_number) return number < other_number;
    } else if (name.front() != other.front()) {
      return name.front() < other.front();
    }
    name.remove_prefix(1);
    other.remove_prefix(1);
  }
  return name.size() < other.size();
}

std::string render_patterns(const std::vector<PatternRow>& rows, std::size_t max_lines) {
  const std::vector<Group> groups = grouped(rows);
  const std::size_t shown = std::min(groups.size(), max_lines);
  std::size_t width = 0;
  for (std::size_t k = 0; k < shown; ++k) width = std::max(width, groups[k].label().size());
  std::string text;
  for (std::size_t k = 0; k < shown; ++k) {
    text += fmt::format("  {:<13} {:<{}} {}\n", groups[k].first->branch, groups[k].label(), width,
                        groups[k].first->pattern);
  }
  if (shown < groups.size()) text += fmt::format("  ... and {} more lines\n", groups.size() - shown);
  return text;
}

}  // namespace ditto
