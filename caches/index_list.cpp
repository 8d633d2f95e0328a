#include "caches/index_list.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "caches/refusal.h"

namespace ditto {
namespace {

constexpr int kLargestIndex = 1'000'000;

std::optional<int> index_of(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > kLargestIndex) return {};
  return value;
}

}  // namespace

std::vector<int> parse_index_list(const std::string& text, const std::string& where) {
  std::vector<int> indices;
  if (text == "none") return indices;
  std::string_view rest = text;
  for (bool more = true; more;) {
    const std::size_t slash = rest.find('/');
    const std::string_view item = rest.substr(0, slash);
    const std::size_t dash = item.find('-');
    const std::optional<int> first = index_of(item.substr(0, dash));
    const std::optional<int> last = dash == std::string_view::npos ? first : index_of(item.substr(dash + 1));
    if (!first || !last || *last < *first || (!indices.empty() && *first <= indices.back())) {
      refuse_option(where, fmt::format("'{}' is not possible at '{}'", text, item),
                    "ascending numbers and ranges, like 0/2-7/10-20, or none");
    }
    for (int index = *first; index <= *last; ++index) indices.push_back(index);
    more = slash != std::string_view::npos;
    if (more) rest = rest.substr(slash + 1);
  }
  return indices;
}

std::vector<std::pair<int, int>> consecutive_runs(const std::vector<int>& ascending) {
  std::vector<std::pair<int, int>> runs;
  for (const int index : ascending) {
    if (!runs.empty() && runs.back().second == index - 1) {
      runs.back().second = index;
    } else {
      runs.emplace_back(index, index);
    }
  }
  return runs;
}

}  // namespace ditto
